// Menus are <details>: without this file they open and close too. With it one closes when it is left, and by Escape, which
// also puts away what the pointer has opened.
;(() => {
  const open = () => document.querySelectorAll('details.menu[open], details.origin[open]')
  const close = (menu) => {
    if (menu.contains(document.activeElement)) menu.querySelector('summary').focus()
    menu.open = false
  }
  document.addEventListener('keydown', ({ key }) => {
    if (key !== 'Escape') return
    for (const menu of open()) close(menu)
    for (const pointed of document.querySelectorAll('details.origin:hover')) {
      pointed.dataset.dismissed = ''
      pointed.addEventListener('pointerleave', () => delete pointed.dataset.dismissed, { once: true })
    }
  })
  const leave = ({ target }) => {
    for (const menu of open()) if (target instanceof Node && !menu.contains(target)) menu.open = false
  }
  document.addEventListener('pointerdown', leave)
  document.addEventListener('focusin', leave)
})()

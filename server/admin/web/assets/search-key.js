// The key / leads to the search of this page, or to that of the machines. It is switched off on the page of one's account.
;(() => {
  const key = 'search-key'
  const isOn = () => {
    try {
      return localStorage.getItem(key) !== 'off'
    } catch {
      return true // storage is switched off: it holds
    }
  }
  const isTyping = (element) =>
    element instanceof Element && (element.isContentEditable || element.matches('input, select, textarea'))
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || !isOn()) return
    event.preventDefault()
    const search = document.querySelector('input[type=search]')
    if (search === null) return location.assign('/machines#find')
    search.focus()
    search.select()
  })
  const box = document.querySelector('[data-search-key]')
  if (box === null) return
  box.checked = isOn()
  box.closest('[hidden]')?.removeAttribute('hidden')
  box.addEventListener('change', () => {
    try {
      if (box.checked) localStorage.removeItem(key)
      else localStorage.setItem(key, 'off')
    } catch {
      box.checked = true
    }
  })
})()

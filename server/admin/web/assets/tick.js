// The box in the head of a table ticks all below it.
;(() => {
  const show = () => {
    for (const box of document.querySelectorAll('[data-tick-all]')) box.hidden = false
  }
  document.addEventListener('DOMContentLoaded', show)
  document.addEventListener('htmx:afterSettle', show)
  document.addEventListener('change', ({ target }) => {
    if (!target.matches('[data-tick-all]')) return
    for (const box of target.form.querySelectorAll('[name=machine]')) box.checked = target.checked
  })
})()

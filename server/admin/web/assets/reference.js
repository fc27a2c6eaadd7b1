// An endpoint is tried out: sent like the pages' own requests, and its answer shown below the form.
;(() => {
  const requestOf = (form) => {
    const given = [...new FormData(form)].map(([name, value]) => [...name.split(':'), value])
    const of = (place) =>
      given.filter(([at, , value]) => at === place && value !== '').map(([, name, value]) => [name, value])
    const path = of('path').reduce(
      (at, [name, value]) => at.replace(`{${name}}`, encodeURIComponent(value)),
      form.dataset.path,
    )
    const query = new URLSearchParams(of('query')).toString()
    const body = new FormData(form).get('body')
    const own = JSON.parse(document.body.getAttribute('hx-headers') ?? '{}')
    const type = body === null ? {} : { 'Content-Type': 'application/json' }
    const headers = { ...own, ...type, ...Object.fromEntries(of('header')) }
    return [query === '' ? path : `${path}?${query}`, { method: form.dataset.method, headers, body }]
  }
  const show = (place, head, text) => {
    const pre = document.createElement('pre')
    pre.tabIndex = 0
    pre.textContent = text === '' ? head : `${head}\n\n${text}`
    place.replaceChildren(pre)
  }
  const inLines = (text) => {
    try {
      return JSON.stringify(JSON.parse(text), null, 2)
    } catch {
      return text
    }
  }
  document.addEventListener('submit', (event) => {
    const form = event.target
    if (form.dataset.path === undefined) return
    event.preventDefault()
    const place = form.parentElement.querySelector('[data-answer]')
    fetch(...requestOf(form))
      .then(async (answer) => show(place, `${answer.status} ${answer.statusText}`, inLines(await answer.text())))
      .catch((error) => show(place, 'no answer', String(error)))
  })
})()

// A page that asks again by itself says so when it gets no answer, or one would take what it shows for what is.
;(() => {
  const note = document.querySelector('[data-stale]')
  let since = ''
  const say = (why) => {
    since ||= new Date().toISOString().replace(/^(.{10})T(.{5}).*$/, '$1 $2 UTC')
    const text = `This page stands still since ${since}: ${why}. It goes on by itself.`
    if (note.textContent !== text) note.textContent = text
  }
  document.addEventListener('htmx:sendError', () => say('the server does not answer'))
  document.addEventListener('htmx:responseError', ({ detail }) => {
    if (detail.xhr.status >= 500) say(detail.xhr.status === 503 ? 'the database is away' : 'the server failed')
  })
  document.addEventListener('htmx:afterRequest', ({ detail }) => {
    if (!detail.successful) return
    since = ''
    note.textContent = ''
  })
})()

// Light or dark as the system is, or as was chosen here. Loaded in the head, so that nothing flashes.
;(() => {
  const root = document.documentElement
  const key = 'theme'
  const system = matchMedia('(prefers-color-scheme: dark)')
  const chosen = () => {
    try {
      return localStorage.getItem(key)
    } catch {
      return null // storage is switched off: the system's theme holds
    }
  }
  const isDark = () => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark'
  const theme = chosen()
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  document.addEventListener('DOMContentLoaded', () => {
    const button = document.querySelector('[data-theme-switch]')
    const label = () => (button.textContent = isDark() ? 'Light' : 'Dark')
    button.hidden = false
    label()
    system.addEventListener('change', label)
    button.addEventListener('click', () => {
      root.dataset.theme = isDark() ? 'light' : 'dark'
      try {
        localStorage.setItem(key, root.dataset.theme)
      } catch {
        // it holds for this page
      }
      label()
    })
  })
})()

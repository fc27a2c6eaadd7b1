// Colours of what machines are served, made here as classes: the content policy lets no style stand in a page.
import type { HLJSApi, LanguageFn } from 'highlight.js'
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import python from 'highlight.js/lib/languages/python'
import xml from 'highlight.js/lib/languages/xml'

/** Kickstarts, preseeds, menus of PXELINUX and iPXE, manifests: a word begins a line, options and names with = follow. */
const lines: LanguageFn = (_: HLJSApi) => ({
  name: 'lines',
  contains: [
    { scope: 'comment', begin: /(?<=^|\s)#/, end: /$/ },
    { scope: 'section', begin: /^[%:][\w-]+/ },
    { scope: 'keyword', begin: /^\s*[A-Za-z][\w-]*(?=\s|$)/ },
    { scope: 'attr', begin: /--[\w-]+|\b[\w.-]+(?==)/ },
    { scope: 'string', begin: /"/, end: /"|$/ },
    { scope: 'variable', begin: /\$\{?[\w:.-]+\}?/ },
    { scope: 'number', begin: /\b\d+(\.\d+)*\b/ },
  ],
})

hljs.registerLanguage('lines', lines)
hljs.registerLanguage('bash', bash)
hljs.registerLanguage('python', python)
hljs.registerLanguage('xml', xml)

/** A text of this size is read by a program. */
const mostCharacters = 200_000

/** @returns HTML in which the text is escaped. @param path at which it is served, which tells what it is */
export function highlight(path: string, text: string): string {
  if (text.length > mostCharacters) return escapeHtml(text)
  return hljs.highlight(text, { language: languageOf(path), ignoreIllegals: true }).value
}

function languageOf(path: string): string {
  if (path.endsWith('.xml')) return 'xml'
  if (/(^|\/)xen[^/]*\//.test(path)) return 'python' // a Xen guest's configuration is Python's assignments
  return /grub[^/]*$/.test(path) || path.includes('grub/') ? 'bash' : 'lines'
}

const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

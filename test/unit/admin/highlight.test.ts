import assert from 'node:assert/strict'
import { test } from 'node:test'
import { highlight } from '../../../server/admin/highlight.ts'

const plain = (html: string): string =>
  html
    .replaceAll(/<\/?span[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#x27;', "'")
    .replaceAll('&amp;', '&')

const texts: Readonly<Record<string, string>> = {
  'ks/web': '# for web\nrootpw --iscrypted $6$salt$hash\n%post\necho "<script>alert(1)</script>" & true\n%end\n',
  'pxelinux.cfg/01-00-00-5e-00-53-01': 'LABEL install\n  APPEND ks=http://192.0.2.1/ks/web?a&b\n',
  'grub.cfg-01': 'menuentry "Install" {\n  linux /vmlinuz\n}\n',
  'dom0/a/xen/b': "name = 'b'\nmemory = 2048\ndisk = ['phy:/dev/sda5,xvda,w']\n",
  'dom0/a/libvirt/b.xml': '<domain type="kvm"><name>b</name></domain>\n',
}

test('the text is all there, and nothing of it is markup', () => {
  for (const [path, text] of Object.entries(texts)) {
    const html = highlight(path, text)
    assert.equal(plain(html), text, path)
    assert.deepEqual(html.match(/<(?!\/?span)/g), null, path)
    assert.match(html, /class="hljs-/, path)
    assert.doesNotMatch(html, /style=/)
  }
})

test('comments, sections, options and addresses have classes of their own', () => {
  const html = highlight('ks/web', texts['ks/web'] ?? '')
  assert.match(html, /<span class="hljs-comment"># for web<\/span>/)
  assert.match(html, /<span class="hljs-section">%post<\/span>/)
  assert.match(html, /<span class="hljs-attr">--iscrypted<\/span>/)
})

test('a text of a size that nobody reads is escaped and has no colours', () => {
  const html = highlight('ks/web', `<${'x'.repeat(300_000)}`)
  assert.deepEqual([html.slice(0, 5), html.includes('span')], ['&lt;x', false])
})

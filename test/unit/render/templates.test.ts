// The engine itself; what templates write is tested where it is read (kickstart, preseed, menus).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { templateEngine } from '../../../server/render/templates.ts'

const render = (sources: Readonly<Record<string, string>>, view: object = { list: ['a', 'b', 'c'] }): string =>
  templateEngine(new Map(Object.entries(sources))).render('whole', view, [], 'acas0001')

test('a loop knows where it is, in its own words and in other templates’', () => {
  assert.equal(render({ whole: '{% for one in list %}{{ loop.index }}{{ one }} {% endfor %}' }), '1a 2b 3c ')
  assert.equal(render({ whole: '{% for one in list %}{{ one if loop.last else "-" }}{% endfor %}' }), '--c')
  assert.equal(
    render({ whole: '{% for one in list %}{% include "part" %}{% endfor %}', part: '{{ loop.revindex0 }}{{ one }}' }),
    '2a1b0c',
  )
  assert.equal(
    render({
      whole: '{% extends "outer" %}{% block inner %}{{ loop.index0 }}{% endblock %}',
      outer: '{% for one in list %}{% block inner %}{{ one }}{% endblock %}{% endfor %}',
    }),
    '012',
  )
  assert.equal(
    render(
      { whole: '{% for key, value in map %}{{ loop.length }}{{ key }}{{ value }}{% endfor %}' },
      { map: { x: 1 } },
    ),
    '1x1',
  )
})

test('a loop inside a loop leaves the outer one’s count alone', () => {
  const inner = '{% for other in list %}{{ other }}{% endfor %}'
  assert.equal(render({ whole: `{% for one in list %}${inner}{{ loop.index }} {% endfor %}` }), 'abc1 abc2 abc3 ')
  const counting = '{% for other in list %}{{ loop.index0 }}{% endfor %}'
  assert.equal(render({ whole: `{% for one in list %}${counting}{{ one }} {% endfor %}` }), '012a 012b 012c ')
})

test('what looks for a loop where there is none is an error', () => {
  assert.throws(() => render({ whole: '{{ loop.index }}' }), { name: 'TemplateError' })
})

// That dhcp/ can be captured anew: two of its clients, as they are installed here, say what it says they do.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requireClients } from '../protocol/dhcp-programs.ts'
import { holderOf, readCapture, shapeOf } from './captures.ts'
import type { Story } from './clients.ts'
import { dhclientStartsAgain, udhcpcRenewsAndReleases } from './clients.ts'
import type { CaptureLab, Place } from './lab.ts'
import { openCaptureLab } from './lab.ts'

const retaken: readonly (readonly [string, Story])[] = [
  ['udhcpc', udhcpcRenewsAndReleases],
  ['dhclient', dhclientStartsAgain],
]
const placeOf = (name: string): Place => ({ wire: 'near', ...holderOf(readCapture(name)) })

let lab: CaptureLab
before(async () => {
  requireClients()
  lab = await openCaptureLab(retaken.map(([name]) => placeOf(name)))
})
after(() => lab.close())

for (const [name, story] of retaken)
  test(`${name} sends the messages of its file: the same options in the same order, by the same way`, async () => {
    const place = placeOf(name)
    await story(lab, place)
    const expected = readCapture(name).messages.map(shapeOf)
    const sent = lab.sent(place).before.map(shapeOf)
    // On a busy host it may ask again in a way of its own, because the answer was late.
    const again = sent.filter((shape) => expected.includes(shape))
    assert.deepEqual(again, expected)
  })

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { OPTION, type DhcpMessage } from '../../../server/plan/dhcp/message.ts'
import {
  clientArchitecture,
  formatMac,
  ipxeFeatures,
  machineUuid,
  maxMessageSize,
  messageType,
  parameterRequestList,
  userClass,
  vendorClass,
} from '../../../server/plan/dhcp/options.ts'
import { decodeDhcp, encodeDhcp, MalformedDhcp } from '../../../server/render/dhcp.ts'

const ROOMY = { maxSize: 65_507 }
const SMALLEST = { maxSize: 548 }

const blank: DhcpMessage = {
  op: 'reply',
  htype: 1,
  hops: 0,
  xid: 0x11223344,
  secs: 0,
  broadcast: false,
  ciaddr: '0.0.0.0',
  yiaddr: '192.0.2.10',
  siaddr: '192.0.2.1',
  giaddr: '0.0.0.0',
  chaddr: Uint8Array.from([0x00, 0x00, 0x5e, 0x00, 0x53, 0x01]),
  sname: '',
  file: '',
  options: new Map(),
}

const withOptions = (...options: (readonly [number, ArrayLike<number>])[]): DhcpMessage => ({
  ...blank,
  options: new Map(options.map(([code, value]) => [code, Uint8Array.from(value)])),
})

const octetsOf = (length: number, octet = 7): Uint8Array => new Uint8Array(length).fill(octet)

/** A message whose options field (and, if given, file and sname) is exactly these octets. */
function rawMessage(optionsHex: string, { file = '', sname = '' } = {}): Uint8Array {
  const head = Buffer.from(encodeDhcp(blank, SMALLEST)).subarray(0, 240)
  head.write(sname.replaceAll(' ', ''), 44, 'hex')
  head.write(file.replaceAll(' ', ''), 108, 'hex')
  return Buffer.concat([head, Buffer.from(optionsHex.replaceAll(' ', ''), 'hex')])
}

const optionsOf = (datagram: Uint8Array): [number, number[]][] =>
  [...decodeDhcp(datagram).options].map(([code, value]) => [code, [...value]])

describe('decoding', () => {
  test('RFC 2132 §3.1: a pad is one octet wherever it is, and takes nothing from the option behind it', () => {
    assert.deepEqual(optionsOf(rawMessage('00 35 01 01 00 00 00 0c 02 61 62 00 ff')), [
      [53, [1]],
      [12, [0x61, 0x62]],
    ])
  })

  test('RFC 2132 §3.2: what follows END is not read, and a missing END is forgiven', () => {
    assert.deepEqual(optionsOf(rawMessage('35 01 01 ff 0c 01 61')), [[53, [1]]])
    assert.deepEqual(optionsOf(rawMessage('35 01 01')), [[53, [1]]])
    assert.deepEqual(optionsOf(rawMessage('')), [])
  })

  test('RFC 2132 §2: options of any length, odd or none, and unknown ones are kept as octets', () => {
    assert.deepEqual(optionsOf(rawMessage('35 01 01 50 00 f9 03 01 02 03 ff')), [
      [53, [1]],
      [80, []],
      [249, [1, 2, 3]],
    ])
  })

  test('RFC 3396 §7: the parts of an option are joined in the order of their appearance', () => {
    assert.deepEqual(optionsOf(rawMessage('4d 02 61 62 35 01 01 4d 01 63 ff')), [
      [77, [0x61, 0x62, 0x63]],
      [53, [1]],
    ])
  })

  for (const [value, expected] of [
    ['01', { file: '', sname: 'AB', codes: [53, 12] }],
    ['02', { file: 'CD', sname: '', codes: [53, 15] }],
    ['03', { file: '', sname: '', codes: [53, 12, 15] }],
  ] as const) {
    test(`RFC 2132 §9.3: option 52 of ${value} reads the options in ${value === '02' ? '' : 'file '}${value === '01' ? '' : 'sname'}`, () => {
      const fields = {
        file: value === '02' ? '43 44 00' : '0c 01 61 ff',
        sname: value === '01' ? '41 42 00' : '0f 01 62 ff',
      }
      const { file, sname, options } = decodeDhcp(rawMessage(`34 01 ${value} 35 01 01 ff`, fields))
      assert.deepEqual({ file, sname, codes: [...options.keys()] }, expected)
    })
  }

  test('RFC 3396 §5: an option may go on in file and then in sname', () => {
    const datagram = rawMessage('34 01 03 4d 01 61 ff', { file: '4d 01 62 ff', sname: '4d 01 63 ff' })
    assert.deepEqual(optionsOf(datagram), [[77, [0x61, 0x62, 0x63]]])
  })

  test('RFC 2131 §2: only the first bit of the flags is looked at', () => {
    const datagram = rawMessage('ff')
    datagram[10] = 0x7f
    assert.equal(decodeDhcp(datagram).broadcast, false)
    datagram[10] = 0x80
    assert.equal(decodeDhcp(datagram).broadcast, true)
  })

  test('RFC 2131 §2: a file of all 128 octets has no NUL and is read whole', () => {
    const datagram = rawMessage('ff', { file: '61'.repeat(128) })
    assert.equal(decodeDhcp(datagram).file, 'a'.repeat(128))
  })

  test('any htype and hlen up to 16 is taken: InfiniBand has none, token ring six', () => {
    for (const hlen of [0, 6, 8, 16]) {
      const datagram = rawMessage('ff')
      datagram[1] = 32
      datagram[2] = hlen
      const { htype, chaddr } = decodeDhcp(datagram)
      assert.deepEqual([htype, chaddr.length], [32, hlen])
    }
  })

  // What a message is made of, field by field: an option's part, or that many pads.
  const part = fc.tuple(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 12 }))
  const pieces = (maxLength: number) => fc.array(fc.oneof(part, fc.integer({ min: 1, max: 4 })), { maxLength })
  type Piece = number | [number, Uint8Array]
  const octetsIn = (field: readonly Piece[]): number[] =>
    field.flatMap((piece) =>
      typeof piece === 'number' ? Array<number>(piece).fill(0) : [piece[0], piece[1].length, ...piece[1]],
    )
  const hexOf = (octets: readonly number[]): string => Buffer.from(octets).toString('hex')

  test('RFC 3396 §5, §7: wherever the parts and the pads are, in the options, then file, then sname, each option is joined', () => {
    fc.assert(
      fc.property(
        pieces(20),
        pieces(8),
        pieces(4),
        fc.integer({ min: 0, max: 3 }),
        (options, file, sname, overload) => {
          const used = [options, overload & 1 ? file : [], overload & 2 ? sname : []] as const
          const parts = used.flat().filter((piece) => typeof piece !== 'number')
          fc.pre(parts.every(([code]) => code !== OPTION.overload))
          const [inOptions, inFile, inSname] = used.map(octetsIn) as [number[], number[], number[]]
          const overloading = overload === 0 ? [] : [OPTION.overload, 1, overload]
          const datagram = rawMessage(hexOf([...inOptions, ...overloading, OPTION.end]), {
            file: overload & 1 ? hexOf([...inFile, OPTION.end]) : '',
            sname: overload & 2 ? hexOf([...inSname, OPTION.end]) : '',
          })
          const joined = new Map<number, number[]>()
          for (const [code, value] of parts) joined.set(code, [...(joined.get(code) ?? []), ...value])
          assert.deepEqual(optionsOf(datagram), [...joined])
        },
      ),
      { numRuns: 500 },
    )
  })

  const broken: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /0 octets/],
    ['a header without options', rawMessage('').subarray(0, 239), /239 octets/],
    ['no magic cookie, as in plain BOOTP', rawMessage('ff').fill(0, 236, 240), /cookie/],
    ['an hlen over the sixteen octets of chaddr', rawMessage('ff').fill(17, 2, 3), /hlen 17/],
    ['an op that is neither', rawMessage('ff').fill(3, 0, 1), /op 3/],
    ['an option longer than what is left', rawMessage('35 02 01'), /option 53 at options\+0/],
    ['an option without its length', rawMessage('35 01 01 0c'), /option 12 at options\+3/],
    ['an overload of 0', rawMessage('34 01 00 ff'), /option 52/],
    ['an overload of 4', rawMessage('34 01 04 ff'), /option 52/],
    ['an overload given twice', rawMessage('34 01 01 34 01 01 ff'), /option 52/],
    [
      'an option that runs out of file',
      rawMessage('34 01 01 ff', { file: '00'.repeat(126) + '0c 02' }),
      /option 12 at file\+126/,
    ],
  ]
  for (const [what, datagram, message] of broken) {
    test(`${what} is MalformedDhcp`, () => {
      assert.throws(
        () => decodeDhcp(datagram),
        (error) => error instanceof MalformedDhcp && message.test(error.message),
      )
    })
  }

  test('any octets decode or throw MalformedDhcp, and nothing else', () => {
    const head = Buffer.from(rawMessage(''))
    const plausible = fc.uint8Array({ maxLength: 400 }).map((tail) => Buffer.concat([head, tail]))
    const mutated = fc.tuple(plausible, fc.nat(600), fc.nat(255)).map(([octets, at, octet]) => {
      octets[at % octets.length] = octet
      return octets
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 700 }), plausible, mutated), (octets) => {
        try {
          decodeDhcp(octets)
        } catch (error) {
          assert.ok(error instanceof MalformedDhcp)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('encoding', () => {
  const code = fc.integer({ min: 1, max: 254 }).filter((number) => number !== OPTION.overload)
  const latin1 = (maxLength: number) =>
    fc.array(fc.integer({ min: 1, max: 255 }), { maxLength }).map((octets) => String.fromCharCode(...octets))
  const quad = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((quads) => quads.join('.'))
  const messageWith = (values: fc.Arbitrary<Uint8Array>): fc.Arbitrary<DhcpMessage> =>
    fc.record({
      op: fc.constantFrom('request' as const, 'reply' as const),
      htype: fc.nat(255),
      hops: fc.nat(255),
      xid: fc.nat(0xffffffff),
      secs: fc.nat(0xffff),
      broadcast: fc.boolean(),
      ciaddr: quad,
      yiaddr: quad,
      siaddr: quad,
      giaddr: quad,
      chaddr: fc.uint8Array({ maxLength: 16 }),
      sname: latin1(63),
      file: latin1(127),
      options: fc.array(fc.tuple(code, values), { maxLength: 30 }).map((options) => new Map(options)),
    })

  const last82 = ({ options, ...rest }: DhcpMessage) => ({
    ...rest,
    options: [...options].sort(([a], [b]) => Number(a === 82) - Number(b === 82)),
  })
  const inAnyOrder = ({ options, ...rest }: DhcpMessage) => ({
    ...rest,
    options: [...options].sort(([a], [b]) => a - b),
  })

  test('decoding gives back what was encoded, in the same order but for 82', () => {
    fc.assert(
      fc.property(messageWith(fc.uint8Array({ maxLength: 700 })), (message) => {
        const decoded = decodeDhcp(encodeDhcp(message, ROOMY))
        assert.deepEqual({ ...decoded, options: [...decoded.options] }, last82(message))
      }),
    )
  })

  test('RFC 2132 §9.3: what does not fit is overloaded and comes back all the same, or is named in a RangeError', () => {
    const small = messageWith(fc.uint8Array({ maxLength: 60 })).map((message) => ({ ...message, sname: '', file: '' }))
    fc.assert(
      fc.property(small, fc.integer({ min: 300, max: 700 }), (message, maxSize) => {
        try {
          const octets = encodeDhcp(message, { maxSize })
          assert.ok(octets.length <= maxSize)
          assert.deepEqual(inAnyOrder(decodeDhcp(octets)), inAnyOrder(message))
        } catch (error) {
          assert.ok(error instanceof RangeError && /option \d+ .*does not fit/.test(error.message), String(error))
        }
      }),
      { numRuns: 500 },
    )
  })

  test('RFC 1542 §2.1: the message is padded to 300 octets, behind END', () => {
    const octets = encodeDhcp(withOptions([53, [2]]), SMALLEST)
    assert.equal(octets.length, 300)
    assert.deepEqual([...octets.subarray(236, 245)], [99, 130, 83, 99, 53, 1, 2, 255, 0])
    assert.ok(octets.subarray(244).every((octet) => octet === 0))
  })

  test('RFC 3046 §2.1: option 82 is the last, whichever place it had', () => {
    const octets = encodeDhcp(withOptions([82, [1, 1, 9]], [53, [2]], [54, [192, 0, 2, 1]]), SMALLEST)
    assert.deepEqual([...decodeDhcp(octets).options.keys()], [53, 54, 82])
    const overloaded = encodeDhcp(withOptions([82, [1, 1, 9]], [53, [2]], [43, octetsOf(200)], [67, octetsOf(120)]), {
      maxSize: 500,
    })
    assert.deepEqual([...overloaded.subarray(-6)], [82, 3, 1, 1, 9, 255])
  })

  test('RFC 3396 §4: no part of an option is over 255 octets, none but the last is under, and all stand together', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 254 }), fc.uint8Array({ maxLength: 1400 }), (number, value) => {
        fc.pre(number !== OPTION.overload)
        const octets = encodeDhcp(withOptions([number, value]), ROOMY)
        const lengths: number[] = []
        let at = 240
        for (; octets[at] === number; at += 2 + (lengths.at(-1) ?? 0)) lengths.push(octets[at + 1] ?? 0)
        assert.equal(octets[at], OPTION.end)
        assert.equal(
          lengths.reduce((sum, length) => sum + length, 0),
          value.length,
        )
        assert.ok(
          lengths.length === 1 || (lengths.slice(0, -1).every((length) => length === 255) && lengths.at(-1) !== 0),
        )
      }),
    )
  })

  test('RFC 1542 §2.1, RFC 2131 §2: whatever it says, a message has at least 300 octets, and ends in END and zeros', () => {
    fc.assert(
      fc.property(messageWith(fc.uint8Array({ maxLength: 20 })), (message) => {
        const octets = encodeDhcp(message, ROOMY)
        const last = octets.findLastIndex((octet) => octet !== 0)
        assert.ok(octets.length >= 300)
        assert.equal(octets[last], OPTION.end)
        assert.ok(octets.length === 300 || last === octets.length - 1)
      }),
    )
  })

  test('RFC 3396 §4: an option over 255 octets is split, the parts one behind the other', () => {
    const octets = encodeDhcp(withOptions([43, octetsOf(256)], [53, [2]]), ROOMY)
    assert.deepEqual([...octets.subarray(240, 242)], [43, 255])
    assert.deepEqual([...octets.subarray(497, 503)], [43, 1, 7, 53, 1, 2])
  })

  test('RFC 2132 §9.3: options that are too much go whole to file, then to sname, and the type of the message never does', () => {
    const message = withOptions(
      [43, octetsOf(250)],
      [67, octetsOf(80)],
      [66, octetsOf(60)],
      [12, octetsOf(3)],
      [53, [5]],
    )
    const octets = encodeDhcp(message, SMALLEST)
    assert.deepEqual([...octets.subarray(240, 245)], [53, 1, 5, 43, 250])
    assert.deepEqual([...octets.subarray(-9)], [12, 3, 7, 7, 7, 52, 1, 3, 255])
    assert.deepEqual([octets[108], octets[109], octets[108 + 82]], [67, 80, 255])
    assert.deepEqual([octets[44], octets[45], octets[44 + 62]], [66, 60, 255])
  })

  test('RFC 2132 §9.3: a file or sname in use is not overloaded', () => {
    const message = { ...withOptions([53, [5]], [43, octetsOf(250)], [66, octetsOf(60)]), file: 'pxelinux.0' }
    const octets = encodeDhcp(message, SMALLEST)
    const decoded = decodeDhcp(octets)
    assert.equal(decoded.file, 'pxelinux.0')
    assert.deepEqual([...octets.subarray(44, 46)], [66, 60])
    assert.throws(
      () => encodeDhcp({ ...message, sname: 'boot.example.org' }, SMALLEST),
      /option 66 \(62 octets\) does not fit a message of 548/,
    )
  })

  const refused: [string, DhcpMessage, RegExp][] = [
    ['option 0', withOptions([0, []]), /option 0/],
    ['option 52', withOptions([52, [1]]), /option 52/],
    ['option 255', withOptions([255, []]), /option 255/],
    ['an address that is none', { ...blank, siaddr: 'boot.example.org' }, /boot\.example\.org/],
    ['an address of five parts', { ...blank, siaddr: '192.0.2.1.1' }, /192\.0\.2\.1\.1/],
    ['a file of 128 octets', { ...blank, file: 'a'.repeat(128) }, /file "a+" does not fit/],
    ['an sname that is not Latin', { ...blank, sname: 'b\u0151t' }, /sname/],
    ['a chaddr of 17 octets', { ...blank, chaddr: octetsOf(17) }, /chaddr/],
    ['an option 82 that alone is too long', withOptions([82, octetsOf(320)]), /option 82 does not fit/],
  ]
  for (const [what, message, expected] of refused) {
    test(`${what} is refused by name`, () => {
      assert.throws(() => encodeDhcp(message, SMALLEST), expected)
    })
  }
})

/** As an Intel Boot Agent on a BIOS machine sends it, 548 octets: after the options nothing but padding. */
const PXE_ROM_DISCOVER = `
  01 01 06 00  5e005301  0004 8000  00000000 00000000 00000000 00000000
  00005e005301 00000000000000000000 ${'00'.repeat(64)} ${'00'.repeat(128)} 63825363
  35 01 01
  37 24 01 02 03 04 05 06 0b 0c 0d 0f 10 11 12 16 17 1c 28 29 2a 2b 32 33 36 3a 3b 3c 42 43 61 80 81 82 83 84 85 86
  39 02 04ec
  61 11 00 30313233 3435 3637 3839 3a3b3c3d3e3f
  5d 02 0000
  5e 03 01 02 01
  3c 20 505845436c69656e743a417263683a30303030303a554e44493a303032303031
  ff`

/** As iPXE 1.21 on 64-bit UEFI: user class as a bare string, option 175 with its features. */
const IPXE_DISCOVER = `
  01 01 06 00  a1b2c3d4  0000 0000  00000000 00000000 00000000 00000000
  00005e005302 00000000000000000000 ${'00'.repeat(64)} ${'00'.repeat(128)} 63825363
  35 01 01
  39 02 05c0
  5d 02 0007
  5e 03 01 03 0a
  3c 20 505845436c69656e743a417263683a30303030373a554e44493a303033303130
  4d 04 69505845
  37 17 01 03 06 07 0c 0f 11 1a 2b 3c 42 43 77 80 81 82 83 84 85 86 87 af cb
  af 1e b1 05 01 8086 100e  18 01 01  22 01 01  19 01 01  10 01 02  13 01 01  eb 03 01 15 01  17 01 01
  3d 07 01 00005e005302
  61 11 00 78563412 bc9a f0de 1122 334455667788
  ff`

const fromHex = (text: string): Uint8Array => Buffer.from(text.replaceAll(/\s/g, ''), 'hex')

describe('what real firmware sends', () => {
  test('RFC 4578: the DISCOVER of a BIOS PXE ROM', () => {
    const message = decodeDhcp(Buffer.concat([fromHex(PXE_ROM_DISCOVER), Buffer.alloc(548)]).subarray(0, 548))
    assert.equal(messageType(message), 'DISCOVER')
    assert.equal(formatMac(message.chaddr), '00:00:5e:00:53:01')
    assert.deepEqual([message.op, message.xid, message.secs, message.broadcast], ['request', 0x5e005301, 4, true])
    assert.equal(parameterRequestList(message).length, 36)
    assert.ok(parameterRequestList(message).includes(60))
    assert.equal(maxMessageSize(message), 1260)
    assert.equal(clientArchitecture(message), 0)
    assert.equal(vendorClass(message), 'PXEClient:Arch:00000:UNDI:002001')
    assert.equal(machineUuid(message), '33323130-3534-3736-3839-3a3b3c3d3e3f')
    assert.deepEqual([userClass(message), ipxeFeatures(message)], [[], null])
  })

  test('iPXE: its DISCOVER says so by user class and option 175', () => {
    const message = decodeDhcp(fromHex(IPXE_DISCOVER))
    assert.equal(clientArchitecture(message), 7)
    assert.deepEqual(userClass(message), ['iPXE'])
    assert.deepEqual([...(ipxeFeatures(message)?.keys() ?? [])], [0xb1, 0x18, 0x22, 0x19, 0x10, 0x13, 0xeb, 0x17])
    assert.equal(machineUuid(message), '12345678-9abc-def0-1122-334455667788')
    assert.equal(maxMessageSize(message), 1472)
    assert.equal(message.broadcast, false)
  })
})

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { NO_ADDRESS, OPTION, type DhcpMessage } from '../../../../server/plan/dhcp/message.ts'
import {
  ascii,
  bootItem,
  clientArchitecture,
  formatMac,
  ipv4List,
  ipxeFeatures,
  machineUuid,
  maxMessageSize,
  messageType,
  parameterRequestList,
  relayAgentInformation,
  requestedAddress,
  serverIdentifier,
  u16,
  u32,
  u8,
  userClass,
  vendorClass,
} from '../../../../server/plan/dhcp/options.ts'

function withOption(code: number, value: Uint8Array | string): DhcpMessage {
  const octets = typeof value === 'string' ? Buffer.from(value.replaceAll(' ', ''), 'hex') : value
  return {
    op: 'request',
    htype: 1,
    hops: 0,
    xid: 1,
    secs: 0,
    broadcast: false,
    ciaddr: NO_ADDRESS,
    yiaddr: NO_ADDRESS,
    siaddr: NO_ADDRESS,
    giaddr: NO_ADDRESS,
    chaddr: new Uint8Array(6),
    sname: '',
    file: '',
    options: new Map([[code, new Uint8Array(octets)]]),
  }
}

const bare = withOption(OPTION.hostname, '61')
const listed = (map: ReadonlyMap<number, Uint8Array> | null) =>
  map && [...map].map(([code, value]) => [code, [...value]])

describe('readers', () => {
  test('PXE 2.1, table 2-1: PXE_BOOT_ITEM is four octets within option 43; what is not so is none', () => {
    const item = (value: string) => bootItem(withOption(OPTION.vendorSpecific, value))
    assert.deepEqual(item('47 04 00 07 00 00 ff'), Uint8Array.of(0, 7, 0, 0))
    assert.deepEqual(item('00 06 01 08 47 04 00 07 80 01'), Uint8Array.of(0, 7, 0x80, 1))
    for (const other of ['', '06 01 08 ff', '47 02 00 07 ff', '47 04 00 07', 'ff 47 04 00 07 00 00'])
      assert.equal(item(other), null, other)
    assert.equal(bootItem(bare), null)
  })

  test('an absent option reads as null, or as an empty list', () => {
    const readers = [messageType, requestedAddress, serverIdentifier, clientArchitecture, vendorClass, maxMessageSize]
    for (const read of [...readers, machineUuid, relayAgentInformation, ipxeFeatures]) assert.equal(read(bare), null)
    assert.deepEqual([userClass(bare), parameterRequestList(bare)], [[], []])
  })

  test('RFC 2132 §9.6: the message type is one octet from 1 to 8', () => {
    assert.equal(messageType(withOption(53, '01')), 'DISCOVER')
    assert.equal(messageType(withOption(53, '08')), 'INFORM')
    for (const value of ['', '00', '09', '0101']) assert.equal(messageType(withOption(53, value)), null)
  })

  test('RFC 2132 §9.1, §9.7: an address is four octets', () => {
    assert.equal(requestedAddress(withOption(50, 'c0 00 02 0a')), '192.0.2.10')
    assert.equal(serverIdentifier(withOption(54, 'c0 00 02 01')), '192.0.2.1')
    for (const value of ['', 'c00002', 'c000020a00']) assert.equal(requestedAddress(withOption(50, value)), null)
  })

  test('RFC 4578 §2.1: of several architectures the first counts', () => {
    assert.equal(clientArchitecture(withOption(93, '00 07 00 09')), 7)
    assert.equal(clientArchitecture(withOption(93, '00 00')), 0)
    for (const value of ['', '07', '00 07 00']) assert.equal(clientArchitecture(withOption(93, value)), null)
  })

  test('RFC 3004 §4: user classes with their lengths are a list', () => {
    assert.deepEqual(userClass(withOption(77, '04 69505845 02 6162')), ['iPXE', 'ab'])
  })

  test('iPXE and others send the bare string, whose lengths do not add up', () => {
    for (const name of ['iPXE', 'gPXE', 'a', 'HTTPClient']) {
      assert.deepEqual(userClass(withOption(77, Buffer.from(name))), [name])
    }
    assert.deepEqual(userClass(withOption(77, '00')), ['\0'])
  })

  test('RFC 2132 §9.10: the maximum message size is two octets', () => {
    assert.equal(maxMessageSize(withOption(57, '05 dc')), 1500)
    assert.equal(maxMessageSize(withOption(57, '05')), null)
  })

  test('RFC 2132 §9.8: the order of the parameter request list is kept', () => {
    assert.deepEqual(parameterRequestList(withOption(55, '3c 01 03')), [60, 1, 3])
  })

  test('RFC 4578 §2.3, SMBIOS 2.6 §7.2.1: the first three fields of the GUID are little-endian', () => {
    const guid = '00 33221100 5544 7766 8899 aabbccddeeff'
    assert.equal(machineUuid(withOption(97, guid)), '00112233-4455-6677-8899-aabbccddeeff')
  })

  test('there are ROMs that send a GUID of another type or length, or an unset one: none of them names a machine', () => {
    const sixteen = 'a1'.repeat(16)
    for (const value of [
      '',
      '00',
      sixteen,
      `01${sixteen}`,
      `00${sixteen}a1`,
      `00${'00'.repeat(16)}`,
      `00${'ff'.repeat(16)}`,
    ]) {
      assert.equal(machineUuid(withOption(97, value)), null)
    }
  })

  test("RFC 3046 §2.0: the relay's sub-options; 0 and 255 are codes like any other here", () => {
    assert.deepEqual(listed(relayAgentInformation(withOption(82, '01 02 6162 00 01 09 ff 00'))), [
      [1, [0x61, 0x62]],
      [0, [9]],
      [255, []],
    ])
    for (const value of ['01', '01 05 61']) assert.equal(relayAgentInformation(withOption(82, value)), null)
  })

  test('RFC 2132 §8.4: in an encapsulated block 0 pads and 255 ends', () => {
    assert.deepEqual(listed(ipxeFeatures(withOption(175, '00 13 01 01 00 ff 01'))), [[0x13, [1]]])
    assert.deepEqual(listed(ipxeFeatures(withOption(175, ''))), [])
    assert.equal(ipxeFeatures(withOption(175, '13 02 01')), null)
  })

  test('no octets in any of these options make a reader throw', () => {
    const readers = [messageType, requestedAddress, serverIdentifier, clientArchitecture, vendorClass, maxMessageSize]
    const others = [machineUuid, relayAgentInformation, ipxeFeatures, userClass, parameterRequestList]
    fc.assert(
      fc.property(
        fc.constantFrom(50, 53, 54, 55, 57, 60, 77, 82, 93, 97, 175),
        fc.uint8Array({ maxLength: 40 }),
        (code, value) => {
          for (const read of [...readers, ...others]) read(withOption(code, value))
        },
      ),
    )
  })
})

describe('builders', () => {
  test('addresses, numbers and text become octets in network order', () => {
    assert.deepEqual([...ipv4List(['192.0.2.1', '198.51.100.255'])], [192, 0, 2, 1, 198, 51, 100, 255])
    assert.deepEqual([...u8(255)], [255])
    assert.deepEqual([...u16(0x0102)], [1, 2])
    assert.deepEqual([...u32(0xfffefdfc)], [0xff, 0xfe, 0xfd, 0xfc])
    assert.equal(Buffer.from(ascii('pxelinux.0')).toString(), 'pxelinux.0')
  })

  test('what an option cannot hold is refused rather than cut', () => {
    for (const address of ['', '192.0.2', '192.0.2.256', '192.0.2.1 ', '::1', '192.0.2.+1', '192.0.2.0x1']) {
      assert.throws(() => ipv4List([address]), RangeError, address)
    }
    for (const build of [
      () => u8(256),
      () => u16(-1),
      () => u16(65536),
      () => u32(1.5),
      () => u32(2 ** 32),
      () => u32(NaN),
    ]) {
      assert.throws(build, RangeError)
    }
    for (const text of ['caf\u00e9', 'a\nb', 'a\0']) assert.throws(() => ascii(text), RangeError)
  })

  test('a MAC address is six octets, in lower case with colons', () => {
    assert.equal(formatMac(Uint8Array.from([0, 0, 0x5e, 0, 0x53, 0xaf])), '00:00:5e:00:53:af')
    for (const length of [0, 5, 7, 16]) assert.equal(formatMac(new Uint8Array(length)), null)
  })
})

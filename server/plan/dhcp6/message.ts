// A DHCPv6 message as everything above the wire sees it, and the numbers it is made of. Types and tables only.

/** RFC 8415 §21.1. An option may stand in a message more than once. */
export type Option6 = Readonly<{ code: number; value: Uint8Array }>

/** RFC 8415 §9: what one relay wrote around the message, but for the message itself. */
export type Relay = Readonly<{
  hopCount: number
  /** An address of the link that the relay heard the message on; `::` says that it has none (RFC 6221 §5.3.2). */
  linkAddress: string
  /** Where the relay has the message from: the client, or the relay before it. */
  peerAddress: string
  options: readonly Option6[]
}>

/** RFC 8415 §8 and §9, the nest of relay messages laid out flat. */
export type Dhcp6Message = Readonly<{
  type: MessageType6
  /** 24 bits. */
  transactionId: number
  options: readonly Option6[]
  /** The one nearest to the client first; none for who is on the server's own link. */
  relays: readonly Relay[]
}>

/** RFC 8415 §7.3; 12 and 13 are relays' (§9). */
export const MESSAGE_TYPE6 = {
  SOLICIT: 1,
  ADVERTISE: 2,
  REQUEST: 3,
  CONFIRM: 4,
  RENEW: 5,
  REBIND: 6,
  REPLY: 7,
  RELEASE: 8,
  DECLINE: 9,
  RECONFIGURE: 10,
  'INFORMATION-REQUEST': 11,
} as const
export type MessageType6 = keyof typeof MESSAGE_TYPE6

const serverTypes: ReadonlySet<MessageType6> = new Set(['ADVERTISE', 'REPLY', 'RECONFIGURE'])

/** A server's messages travel in Relay-replies, a client's in Relay-forwards. */
export const isFromServer = ({ type }: Pick<Dhcp6Message, 'type'>): boolean => serverTypes.has(type)

export const OPTION6 = {
  clientId: 1, // RFC 8415 §21.2
  serverId: 2, // RFC 8415 §21.3
  iaNa: 3, // RFC 8415 §21.4
  iaTa: 4, // RFC 8415 §21.5
  iaAddress: 5, // RFC 8415 §21.6
  optionRequest: 6, // RFC 8415 §21.7
  preference: 7, // RFC 8415 §21.8
  elapsedTime: 8, // RFC 8415 §21.9
  relayMessage: 9, // RFC 8415 §21.10
  statusCode: 13, // RFC 8415 §21.13
  rapidCommit: 14, // RFC 8415 §21.14
  userClass: 15, // RFC 8415 §21.15
  vendorClass: 16, // RFC 8415 §21.16
  interfaceId: 18, // RFC 8415 §21.18
  dnsServers: 23, // RFC 3646 §3
  domainList: 24, // RFC 3646 §4
  iaPd: 25, // RFC 8415 §21.21
  informationRefreshTime: 32, // RFC 8415 §21.23
  ntpServer: 56, // RFC 5908 §4
  bootfileUrl: 59, // RFC 5970 §3.1
  bootfileParameters: 60, // RFC 5970 §3.2
  clientArchitecture: 61, // RFC 5970 §3.3
  clientNetworkInterface: 62, // RFC 5970 §3.4
  clientLinkLayerAddress: 79, // RFC 6939 §4
} as const

/** RFC 8415 §21.13. */
export const STATUS6 = {
  Success: 0,
  UnspecFail: 1,
  NoAddrsAvail: 2,
  NoBinding: 3,
  NotOnLink: 4,
  UseMulticast: 5,
  NoPrefixAvail: 6,
} as const
export type Status6 = keyof typeof STATUS6

/** RFC 8415 §7.6: a relay passes on what has passed fewer, so no message comes through more than this and one. */
export const HOP_COUNT_LIMIT = 8

/** RFC 4291 §2.5.2. */
export const UNSPECIFIED = '::'

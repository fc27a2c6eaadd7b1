// A DHCP message as everything above the wire sees it, and the numbers it is made of. Types and tables only.

/** RFC 2131 §2, figure 1 and table 1, less what the codec settles by itself (hlen, the magic cookie, padding). */
export type DhcpMessage = Readonly<{
  op: 'request' | 'reply'
  /** 1 is Ethernet (IANA ARP hardware types); anything is passed through. */
  htype: number
  hops: number
  xid: number
  secs: number
  broadcast: boolean
  /** The four addresses are dotted quads; `0.0.0.0` is none. */
  ciaddr: string
  yiaddr: string
  siaddr: string
  giaddr: string
  /** hlen octets, 0 to 16 of them. */
  chaddr: Uint8Array
  sname: string
  file: string
  /** In order of first appearance, fragments joined (RFC 3396), those from `file` and `sname` (option 52) included. */
  options: ReadonlyMap<number, Uint8Array>
}>

/** RFC 2132 §9.6. */
export const MESSAGE_TYPE = {
  DISCOVER: 1,
  OFFER: 2,
  REQUEST: 3,
  DECLINE: 4,
  ACK: 5,
  NAK: 6,
  RELEASE: 7,
  INFORM: 8,
} as const
export type MessageType = keyof typeof MESSAGE_TYPE

export const OPTION = {
  pad: 0, // RFC 2132 §3.1
  subnetMask: 1, // RFC 2132 §3.3
  router: 3, // RFC 2132 §3.5
  domainNameServer: 6, // RFC 2132 §3.8
  hostname: 12, // RFC 2132 §3.14
  domainName: 15, // RFC 2132 §3.17
  rootPath: 17, // RFC 2132 §3.19
  interfaceMtu: 26, // RFC 2132 §5.1
  broadcastAddress: 28, // RFC 2132 §5.3
  ntpServer: 42, // RFC 2132 §8.3
  vendorSpecific: 43, // RFC 2132 §8.4
  requestedAddress: 50, // RFC 2132 §9.1
  leaseTime: 51, // RFC 2132 §9.2
  overload: 52, // RFC 2132 §9.3
  messageType: 53, // RFC 2132 §9.6
  serverIdentifier: 54, // RFC 2132 §9.7
  parameterRequestList: 55, // RFC 2132 §9.8
  message: 56, // RFC 2132 §9.9
  maxMessageSize: 57, // RFC 2132 §9.10
  renewalTime: 58, // RFC 2132 §9.11
  rebindingTime: 59, // RFC 2132 §9.12
  vendorClass: 60, // RFC 2132 §9.13
  clientIdentifier: 61, // RFC 2132 §9.14, RFC 4361
  tftpServerName: 66, // RFC 2132 §9.4
  bootfile: 67, // RFC 2132 §9.5
  userClass: 77, // RFC 3004
  relayAgentInformation: 82, // RFC 3046
  clientArchitecture: 93, // RFC 4578 §2.1
  clientNetworkInterface: 94, // RFC 4578 §2.2
  machineUuid: 97, // RFC 4578 §2.3
  domainSearch: 119, // RFC 3397
  classlessStaticRoute: 121, // RFC 3442
  ipxe: 175, // iPXE, src/include/ipxe/dhcp.h; IANA: "Etherboot", tentatively assigned
  pxelinuxConfigFile: 209, // RFC 5071 §4
  pxelinuxPathPrefix: 210, // RFC 5071 §5
  end: 255, // RFC 2132 §3.2
} as const

/** Within option 82. */
export const RELAY_SUB_OPTION = {
  linkSelection: 5, // RFC 3527 §3
  serverIdentifierOverride: 11, // RFC 5107 §4
} as const

/** Within option 43, between a PXE client and its server: PXE specification 2.1, table 2-1. */
export const PXE_SUB_OPTION = {
  discoveryControl: 6,
  bootItem: 71,
} as const

export const NO_ADDRESS = '0.0.0.0'

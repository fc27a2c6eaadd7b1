// Who is at the other end of a datagram.

/** An address (a link-local one with its zone, `fe80::1%eth0`) and a UDP port. */
export type UdpPeer = Readonly<{ address: string; port: number }>

// A client's end of a transfer, and what names it.

/** An address (a link-local one with its zone, `fe80::1%eth0`) and a UDP port. */
export type TftpPeer = Readonly<{ address: string; port: number }>

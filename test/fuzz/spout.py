#!/usr/bin/python3
"""Puts Ethernet frames on a card, whatever is in them: spout.py CARD

Reads from standard input, again and again, a length (two octets, big-endian) and a frame. For a length of 0 an octet is
written to standard output: all before it is on the wire. Node has no socket for this, and source port 0 and other
hosts' addresses take one.
"""
import socket
import sys
import time

card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
card.bind((sys.argv[1], 0))
read = sys.stdin.buffer.read
while len(head := read(2)) == 2:
    length = int.from_bytes(head, "big")
    if length == 0:
        sys.stdout.buffer.write(b"\0")
        sys.stdout.buffer.flush()
        continue
    frame = read(length)
    while True:
        try:
            card.send(frame)
            break
        except OSError as error:  # the card's queue is full
            if error.errno != 105:
                raise
            time.sleep(0.001)

# The boot sector that the stand-in installer writes to a disk (its first 440 bytes; the partition table follows).
# Prints the text in sector 1, where the installer left the host's name, on COM1, and switches the machine off.
        .code16
        .globl  _start
_start: xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    $0x42, %ah              # INT 13h extensions: read what `packet` asks from the drive in DL
        movw    $packet, %si
        int     $0x13
        jc      off                     # no text: the test misses its line and says so
        movw    $0x7e00, %si
next:   lodsb
        testb   %al, %al
        jz      off
        movb    %al, %bl
        movb    $0x20, %bh              # line status: holding register empty
        call    ready
        movw    $0x3f8, %dx
        movb    %bl, %al
        outb    %al, %dx
        jmp     next
ready:  movw    $0x3fd, %dx
        inb     %dx, %al
        testb   %bh, %al
        jz      ready
        ret
off:    movb    $0x40, %bh              # line status: all sent
        call    ready
        movw    $0x604, %dx             # ACPI PM1a control as SeaBIOS places it: SLP_EN, S5
        movw    $0x2000, %ax
        outw    %ax, %dx
stop:   hlt
        jmp     stop

        .balign 4
packet: .byte   16, 0
        .word   1, 0x7e00, 0            # one sector to 0000:7E00
        .quad   1                       # sector 1

/// The smallest guests there are: 512 bytes that the BIOS loads, assembled by hand for the 8086.
package enum BootSector {
    /// Prints `READY` on the first serial port, sends back what comes in there, and powers off when the power button is
    /// pressed (ACPI's registers as SeaBIOS lays them out: enable 0x602, status 0x600, control 0x604).
    package static let echo = assemble(
        setUp + print + [
            0xBA, 0x02, 0x06, 0xB8, 0x00, 0x01, 0xEF,  // mov dx,602; mov ax,100; out dx,ax: button on
            0xF4,  // poll: hlt, until the timer ticks
            0xBA, 0xFD, 0x03, 0xEC, 0xA8, 0x01, 0x74, 0x05,  // mov dx,3fd; in al,dx; test al,1; jz +5
            0xBA, 0xF8, 0x03, 0xEC, 0xEE,  // mov dx,3f8; in al,dx; out dx,al
            0xBA, 0x00, 0x06, 0xED, 0xF6, 0xC4, 0x01,  // mov dx,600; in ax,dx; test ah,1
            0x74, 0xE9,  // jz poll
            0xBA, 0x04, 0x06, 0xB8, 0x00, 0x20, 0xEF,  // mov dx,604; mov ax,2000; out dx,ax: off
            0xF4, 0xEB, 0xFD,  // hlt; jmp -1
        ])

    /// Prints `READY`, then reads one sector in every 128 KiB of its disk, nine a second: a `.` for each that comes, an `E`
    /// for an error that the guest was told of.
    package static let reader = assemble(
        setUp + print + [
            0x5A, 0x52,  // loop: pop dx; push dx: the boot drive
            0xB4, 0x42, 0xBE, 0xE0, 0x7D, 0xCD, 0x13,  // mov ah,42; mov si,packet; int 13
            0xB0, 0x2E, 0x73, 0x02, 0xB0, 0x45,  // mov al,'.'; jnc +2; mov al,'E'
            0xBA, 0xF8, 0x03, 0xEE,  // mov dx,3f8; out dx,al
            0x81, 0x06, 0xE8, 0x7D, 0x00, 0x01,  // add word [packet+8],100
            0xF4, 0xF4, 0xEB, 0xE3,  // hlt; hlt; jmp loop
        ])

    /// The reader's disk: its sector number has 16 bits.
    package static let readerDiskSize = 32 << 20

    private static let setUp: [UInt8] = [
        0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xC0, 0x8E, 0xD0,  // cli; xor ax,ax; mov ds,ax; mov es,ax; mov ss,ax
        0xBC, 0x00, 0x7C, 0xFB, 0x52,  // mov sp,7c00; sti; push dx
    ]

    private static let print: [UInt8] = [
        0xBE, 0xD0, 0x7D,  // mov si,text
        0xAC, 0x84, 0xC0, 0x74, 0x06,  // lodsb; test al,al; jz +6
        0xBA, 0xF8, 0x03, 0xEE, 0xEB, 0xF5,  // mov dx,3f8; out dx,al; jmp lodsb
    ]

    /// Code at 7c00, the text at 7dd0, the packet of the BIOS's extended read at 7de0 (one sector to 0000:8000).
    private static func assemble(_ code: [UInt8]) -> [UInt8] {
        var sector = code + [UInt8](repeating: 0, count: 512 - code.count)
        sector.replaceSubrange(0x1D0..<0x1D8, with: Array("READY\r\n\0".utf8))
        sector.replaceSubrange(0x1E0..<0x1E8, with: [16, 0, 1, 0, 0x00, 0x80, 0, 0])
        sector.replaceSubrange(0x1FE..<0x200, with: [0x55, 0xAA])
        return sector
    }

    /// A CD-ROM (El Torito without emulation) that boots a sector.
    package static func cdrom(_ sector: [UInt8]) -> [UInt8] {
        var image = [UInt8](repeating: 0, count: 24 * 2048)
        func put(_ bytes: [UInt8], at offset: Int) {
            image.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put([1] + Array("CD001".utf8) + [1], at: 16 * 2048)
        put([0] + Array("CD001".utf8) + [1] + Array("EL TORITO SPECIFICATION".utf8), at: 17 * 2048)
        put([19], at: 17 * 2048 + 0x47)
        put([255] + Array("CD001".utf8) + [1], at: 18 * 2048)
        // The validation entry's words add up to 0; then the entry to boot: 4 sectors of 512 at block 20.
        put([1] + [UInt8](repeating: 0, count: 27) + [0xAA, 0x55, 0x55, 0xAA], at: 19 * 2048)
        put([0x88, 0, 0, 0, 0, 0, 4, 0, 20, 0, 0, 0], at: 19 * 2048 + 32)
        put(sector, at: 20 * 2048)
        return image
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * A firmware that boots Linux: it reads pieces of memory from the first disk, says where the first
 * one is, and enters the kernel as the 32-bit boot protocol has it. It is no BIOS: the kernel gets
 * a memory map and a command line, and neither ACPI nor a screen.
 *
 * The first sector of the disk is a table, ended by an entry of no chunks:
 *      u32 address, u32 first sector, u32 chunks of 256 sectors
 * Its first piece is struct boot_params. Origin: Documentation/arch/x86/boot.rst, Linux 6.12.
 */
.globl ram_start, ram_end, first_page_end

.set CR0_BASE,    0x11  /* PE, ET */
.set CODE_32,     8
.set DATA,        16
.set STACK,       0x7f0
.set RAM_IMAGE,   0xffff0000
.set RAM_SIZE,    0x4000

.set TABLE,       0x7000
.set ENTRY_SIZE,  12
.set KERNEL,      0x100000

/* The selectors that the boot protocol asks for. */
.set BOOT_CS,     0x10
.set BOOT_DS,     0x18

/* Of the first ATA channel. */
.set ATA_DATA,    0x1f0
.set ATA_COUNT,   0x1f2
.set ATA_STATUS,  0x1f7
.set ATA_CONTROL, 0x3f6
.set NO_INTERRUPTS, 2
.set READ_SECTORS, 0x20
.set BUSY,        0x80
.set WANTS_DATA,  8
.set BY_SECTOR,   0xe0  /* the first drive, addressed by the number of a sector */
.set SECTOR_WORDS, 256
.set CHUNK,       256   /* sectors; as a byte, 0 */

.include "boot.inc"

.section .ram, "ax"
.code32
ram_start:
        mov     $ATA_CONTROL, %edx
        mov     $NO_INTERRUPTS, %al
        outb    %al, %dx
        xor     %ebp, %ebp
        mov     $TABLE, %edi
        mov     $1, %ecx
        call    read_sectors

        mov     $TABLE, %esi
piece:  mov     8(%esi), %ebx
        test    %ebx, %ebx
        jz      enter
        mov     (%esi), %edi
        mov     4(%esi), %ebp
1:      mov     $CHUNK, %ecx
        call    read_sectors
        add     $CHUNK, %ebp
        dec     %ebx
        jnz     1b
        add     $ENTRY_SIZE, %esi
        jmp     piece

enter:  mov     TABLE, %esi     /* boot_params */
        lgdt    gdtr
        ljmp    $BOOT_CS, $1f
1:      mov     $BOOT_DS, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        xor     %ebp, %ebp
        xor     %edi, %edi
        mov     $KERNEL, %eax
        jmp     *%eax

/* Reads ECX sectors from EBP on to EDI, which moves on; changes EAX, ECX and EDX. */
read_sectors:
        push    %ecx
        mov     $ATA_COUNT, %edx
        mov     %cl, %al
        outb    %al, %dx
        mov     %ebp, %eax      /* three ports for 24 bits of the sector's number */
        mov     $3, %ecx
1:      inc     %edx
        outb    %al, %dx
        shr     $8, %eax
        loop    1b
        inc     %edx
        or      $BY_SECTOR, %al
        outb    %al, %dx
        inc     %edx
        mov     $READ_SECTORS, %al
        outb    %al, %dx
        pop     %ecx
2:      mov     $ATA_STATUS, %edx
3:      inb     %dx, %al
        and     $BUSY | WANTS_DATA, %al
        cmp     $WANTS_DATA, %al
        jne     3b
        push    %ecx
        mov     $SECTOR_WORDS, %ecx
        mov     $ATA_DATA, %edx
        rep insw
        pop     %ecx
        loop    2b
        ret

        .balign 8
gdt:    .quad   0, 0
        .quad   0x00cf9b000000ffff
        .quad   0x00cf93000000ffff
gdtr:   .word   31
        .long   gdt
first_page_end:
ram_end:

/* SPDX-License-Identifier: MIT */
/*
 * A firmware image that lets code branch under indirect branch tracking and says what came of it.
 * It is the whole system, laid out as transitions.S is: a count and the cases, this program's RAM
 * part (section .ram, copied to 0x800), and its start (section .boot, the last page).
 *
 * Each case either writes one of the two CET MSRs or runs up to four pieces of code in 64-bit mode
 * at CPL 0 or 3, until an exception ends it; behind each piece stands INT3. The fourth is a handler:
 * two interrupts, a call gate, SYSCALL and SYSENTER lead to it, and one exception if the case says
 * so; all other exceptions end the case. Their handlers, on a stack of their own, begin with ENDBR64.
 * What they found leaves through the first printer port, a line each; at the end the word that ends
 * Bochs goes to port 0x8900.
 */

/* A case, as it lies in the image. */
.set CASE_OP,     0     /* u32: 0 execute, 1 write U_CET, 2 write S_CET */
.set CASE_CPL,    4     /* u32 */
.set CASE_U_CET,  8
.set CASE_S_CET,  16
.set CASE_VALUE,  24    /* of the write */
.set CASE_CET,    32    /* u32: CR4.CET */
.set CASE_BITMAP, 36    /* u32: four bytes, of which the legacy code page bitmap is full */
.set CASE_CODE,   40
.set CASE_TARGET, 64
.set CASE_SECOND, 88
.set CASE_HANDLER, 112
.set PIECE,       24    /* bytes of each */
.set CASE_START,  136   /* u32: RFLAGS of the first instruction */
.set CASE_PENDING, 140  /* u32: an external interrupt is pending */
.set CASE_HANDLED, 144  /* u32: the vector of the exception that leads to the handler; 32: none */
.set CASE_ABSENT, 148   /* u32: the vector whose gate is not present; 32: none */
.set CASE_SIZE,   152

.set CASES,       0xffe00010
.set CASE_COUNT,  0xffe00000
.set RAM_IMAGE,   0xffff0000
.set RAM_SIZE,    0x4000

.set CASE,        0x300
.set PHASE,       0x480  /* 0: preparing a case; 1: the case */
.set VECTOR,      0x484
.set NEXT,        0x488
.set LEFT,        0x48c
.set OUT,         0x490  /* U_CET, S_CET, RIP, RSP, RFLAGS, RAX, CS */
.set OUT_COUNT,   7
.set ERROR,       0x4d0
.set HAS_ERROR,   0x4d8
.set TSS,         0x500
.set STACK,       0x7f0

.set PML4,        0x10000
.set PDPT,        0x11000
.set PD,          0x12000
.set IDT,         0x13000
.set HANDLER_STACK, 0x15000  /* of the handlers that end a case */
.set PD_HIGH,     0x16000
.set PT,          0x17000
.set CODE,        0x20000
.set TARGET,      0x21000
.set SECOND,      0x22000
.set POINTER,     0x23000  /* holds TARGET, and far pointers from 0x10 */
.set CODE_STACK,  0x25100  /* 0x100 bytes above a page that is not there */
.set KERNEL_STACK, 0x27100 /* the same */
.set HANDLER,     0x2b000
.set BITMAP,      0x30000

.set CODE_32,     0x08
.set DATA,        0x10
.set CODE_64,     0x18     /* and what SYSCALL, SYSENTER and their returns imply, up to 0x40 */
.set USER_CODE_32, 0x28
.set USER_DATA,   0x33
.set USER_CODE,   0x3b
.set TASK,        0x48
.set CALL_GATE,   0x5b
.set CONFORMING,  0x6b

.set INTERRUPT,   0x20     /* INT n may use its gate at CPL 3 */
.set EXTERNAL,    0x21     /* its gate is for CPL 0 */
.set APIC_EOI,    0xfee000b0
.set APIC_SPURIOUS, 0xfee000f0
.set APIC_COMMAND, 0xfee00300

.set MSR_EFER,    0xc0000080
.set MSR_STAR,    0xc0000081
.set MSR_LSTAR,   0xc0000082
.set MSR_MASK,    0xc0000084
.set MSR_SYSENTER_CS, 0x174
.set MSR_SYSENTER_ESP, 0x175
.set MSR_SYSENTER_EIP, 0x176
.set MSR_U_CET,   0x6a0
.set MSR_S_CET,   0x6a2
.set CR0_BASE,    0x11           /* PE, ET */
.set CR0_LONG,    0x80010011     /* PG, WP, ET, PE */
.set CR4_PAE,     0x20
.set CR4_CET,     0x800000

/* ---------------------------------------------------------------------------------------------------- */
.section .ram, "ax"
.code32
.globl  ram_start, first_page_end, ram_end
ram_start:
        lgdt    gdtr
        call    build_tables
        mov     $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $PML4, %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        mov     $0x901, %eax            /* NXE, LME, SCE */
        xor     %edx, %edx
        wrmsr
        mov     $CR0_LONG, %eax
        mov     %eax, %cr0
        ljmp    $CODE_64, $driver
first_page_end:

.code64
driver: lidt    idtr
        mov     $TASK, %eax
        ltr     %ax
        movl    $CASES, NEXT
        mov     $CASE_COUNT, %esi
        mov     (%rsi), %eax
        mov     %eax, LEFT

        mov     $MSR_STAR, %ecx
        mov     $USER_CODE_32 << 16 | CODE_64, %edx
        xor     %eax, %eax
        wrmsr
        xor     %edx, %edx
        mov     $MSR_LSTAR, %ecx
        mov     $HANDLER, %eax
        wrmsr
        mov     $MSR_SYSENTER_EIP, %ecx
        wrmsr
        mov     $MSR_MASK, %ecx
        mov     $0x700, %eax            /* TF, IF, DF */
        wrmsr
        mov     $MSR_SYSENTER_CS, %ecx
        mov     $CODE_64, %eax
        wrmsr
        mov     $MSR_SYSENTER_ESP, %ecx
        mov     $KERNEL_STACK, %eax
        wrmsr
        mov     $APIC_SPURIOUS, %edi
        movl    $0x1ff, (%rdi)
next_case:
        movl    $0, PHASE
        mov     $STACK, %esp
        cmpl    $0, LEFT
        je      finish
        decl    LEFT
        mov     NEXT, %esi
        mov     $CASE, %edi
        mov     $CASE_SIZE / 4, %ecx
        rep movsl
        mov     %esi, NEXT

        mov     $CASE + CASE_CODE, %esi
        mov     $CODE, %edi
        call    place
        mov     $TARGET, %edi
        call    place
        mov     $SECOND, %edi
        call    place
        mov     $HANDLER, %edi
        call    place
        mov     $BITMAP, %edi
        mov     CASE + CASE_BITMAP, %eax
        mov     $0x1000 / 4, %ecx
        rep stosl
        xor     %eax, %eax
        mov     $CODE_STACK & ~0xfff, %edi
        mov     $0x1000 / 4, %ecx
        rep stosl
        mov     $KERNEL_STACK & ~0xfff, %edi
        mov     $0x1000 / 4, %ecx
        rep stosl
        mov     $pointers, %esi
        mov     $POINTER, %edi
        mov     $(pointers_end - pointers) / 4, %ecx
        rep movsl

        call    build_gates
        /* An external interrupt that the case before has not taken. */
        mov     $drain, %edx
        mov     $EXTERNAL, %eax
        mov     $0x8e01, %ebx
        call    set_gate
        mov     $APIC_EOI, %edi
        movl    $0, (%rdi)
        sti
        nop
        cli
        mov     $HANDLER, %edx
        mov     $EXTERNAL, %eax
        mov     $0x8e00, %ebx
        call    set_gate

        mov     $CR4_PAE, %eax
        cmpl    $0, CASE + CASE_CET
        je      1f
        or      $CR4_CET, %eax
1:      mov     %rax, %cr4
        mov     $MSR_U_CET, %ecx
        mov     CASE + CASE_U_CET, %eax
        mov     CASE + CASE_U_CET + 4, %edx
        wrmsr
        mov     $MSR_S_CET, %ecx
        mov     CASE + CASE_S_CET, %eax
        mov     CASE + CASE_S_CET + 4, %edx
        wrmsr

        mov     CASE + CASE_OP, %ebx
        test    %ebx, %ebx
        jnz     write
        cmpl    $3, CASE + CASE_CPL
        je      1f
        pushq   $DATA
        pushq   $CODE_STACK
        pushq   CASE + CASE_START
        pushq   $CODE_64
        jmp     2f
1:      pushq   $USER_DATA
        pushq   $CODE_STACK
        pushq   CASE + CASE_START
        pushq   $USER_CODE
2:      pushq   $CODE
        movl    $0, 4 + 16(%rsp)        /* the case has 32 bits of RFLAGS */
        cmpl    $0, CASE + CASE_PENDING
        je      1f
        mov     $APIC_COMMAND, %edi
        movl    $0x44000 + EXTERNAL, (%rdi)     /* to itself */
1:      movl    $1, PHASE
        mov     $TARGET, %eax
        mov     $POINTER, %ebx
        mov     $SECOND, %ecx
        mov     $SECOND, %edx
        mov     $TARGET, %r11d
        iretq

write:  mov     $MSR_U_CET, %ecx
        cmp     $1, %ebx
        je      1f
        mov     $MSR_S_CET, %ecx
1:      mov     CASE + CASE_VALUE, %eax
        mov     CASE + CASE_VALUE + 4, %edx
        movl    $1, PHASE
        wrmsr
        movl    $-1, VECTOR
        movq    $0, HAS_ERROR
        mov     $OUT + 16, %edi
        xor     %eax, %eax
        mov     $(OUT_COUNT - 2) * 2, %ecx
        rep stosl
        jmp     read_msrs

/* One piece of code from RSI to the page at RDI, INT3 behind it. */
place:  mov     $PIECE / 4, %ecx
        rep movsl
        mov     $0xcccccccc, %eax
        mov     $(0x1000 - PIECE) / 4, %ecx
        rep stosl
        ret

/* The gates of the case: exceptions to the stubs, on a stack of their own, but for the two named. */
build_gates:
        xor     %eax, %eax
1:      mov     %eax, %edx
        shl     $5, %edx
        add     $stubs, %edx
        mov     $0xee01, %ebx           /* an interrupt gate of DPL 3, IST1 */
        cmp     CASE + CASE_ABSENT, %eax
        jne     2f
        mov     $0x6e01, %ebx
2:      cmp     CASE + CASE_HANDLED, %eax
        jne     3f
        mov     $HANDLER, %edx
        mov     $0xee00, %ebx
3:      call    set_gate
        inc     %eax
        cmp     $32, %eax
        jb      1b
        mov     $HANDLER, %edx
        mov     $INTERRUPT, %eax
        mov     $0xee00, %ebx
/* The gate of vector EAX: to EDX, of the type, level and stack in BX. */
set_gate:
        mov     %eax, %edi
        shl     $4, %edi
        mov     %dx, IDT(%edi)
        movw    $CODE_64, IDT + 2(%edi)
        mov     %bx, IDT + 4(%edi)
        shr     $16, %edx
        mov     %dx, IDT + 6(%edi)
        movq    $0, IDT + 8(%edi)
        ret

drain:  movl    $0, (%rdi)              /* APIC_EOI */
        iretq

/* ---------------------------------------------------------------------------------------------------- */
/*
 * Exceptions. The stack is the handlers' own, so that its depth tells whether an error code is
 * there.
 */
        .set    n, 0
        .rept   32
        .balign 32
        .if     n == 0
stubs:
        .endif
        endbr64
        movb    $n, VECTOR
        jmp     fault
        .set    n, n + 1
        .endr

fault:  mov     %rax, OUT + 40
        movzbl  VECTOR, %eax
        mov     %eax, VECTOR
        movq    $0, HAS_ERROR
        cmp     $HANDLER_STACK - 40, %esp
        je      1f
        movq    $1, HAS_ERROR
        pop     %rax
        mov     %eax, ERROR
1:      pop     %rax
        mov     %rax, OUT + 16
        pop     %rax
        mov     %rax, OUT + 48
        pop     %rax
        mov     %rax, OUT + 32
        pop     %rax
        mov     %rax, OUT + 24
read_msrs:
        mov     $MSR_U_CET, %ecx
        rdmsr
        mov     %eax, OUT
        mov     %edx, OUT + 4
        mov     $MSR_S_CET, %ecx
        rdmsr
        mov     %eax, OUT + 8
        mov     %edx, OUT + 12
        xor     %eax, %eax
        xor     %edx, %edx
        wrmsr
        mov     $STACK, %esp

/* One line: what happened, then the quantities at OUT. */
report: cmpl    $0, PHASE
        jne     1f
        mov     $'S', %al
        call    put
        jmp     2f
1:      cmpl    $-1, VECTOR
        jne     2f
        mov     $'D', %al
        call    put
        jmp     4f
2:      mov     $'F', %al
        call    put
        mov     VECTOR, %ebx
        call    put_long
        cmpl    $0, HAS_ERROR
        je      3f
        mov     $'+', %al
        call    put
        mov     ERROR, %ebx
        call    put_long
        jmp     4f
3:      mov     $'-', %al
        call    put
4:      mov     $OUT, %esi
        mov     $OUT_COUNT, %edi
5:      mov     $' ', %al
        call    put
        mov     4(%rsi), %ebx
        call    put_long
        mov     (%rsi), %ebx
        call    put_long
        add     $8, %esi
        dec     %edi
        jnz     5b
        mov     $'\n', %al
        call    put
        jmp     next_case

/* AL to the printer: the data, then a strobe; the printer is selected and not in reset. */
put:    mov     $0x378, %edx
        out     %al, %dx
        mov     $0x37a, %edx
        mov     $0x0d, %al
        out     %al, %dx
        mov     $0x0c, %al
        out     %al, %dx
        ret

/* EBX in hexadecimal. */
put_long:
        mov     $8, %ecx
1:      rol     $4, %ebx
        mov     %bl, %al
        and     $15, %al
        cmp     $10, %al
        jb      2f
        add     $'a' - '0' - 10, %al
2:      add     $'0', %al
        call    put
        loop    1b
        ret

finish: mov     $end_word, %esi
        mov     $0x8900, %edx
1:      lodsb
        test    %al, %al
        jz      2f
        out     %al, %dx
        jmp     1b
2:      hlt
        jmp     2b
end_word:
        .asciz  "Shutdown"

/* ---------------------------------------------------------------------------------------------------- */
.code32
/*
 * An identity map of 4 GiB that every privilege level may use, the interrupt table, and the task.
 */
build_tables:
        xor     %eax, %eax
        mov     $PML4, %edi
        mov     $0x8000 / 4, %ecx
        rep stosl
        mov     $TSS, %edi
        mov     $0x68 / 4, %ecx
        rep stosl
        movl    $KERNEL_STACK, TSS + 4          /* RSP0 */
        movl    $HANDLER_STACK, TSS + 0x24      /* IST1 */
        movw    $0x68, TSS + 0x66               /* no bitmap of ports */
        movl    $PDPT + 7, PML4
        /* The first 2 MiB, the last, where the cases lie, and the interrupt controller. */
        movl    $PD + 7, PDPT
        movl    $PD_HIGH + 7, PDPT + 24
        movl    $PT + 7, PD
        movl    $0xffe00087, PD_HIGH + 511 * 8
        movl    $0xfee00097, PD_HIGH + 503 * 8
        xor     %ecx, %ecx
1:      mov     %ecx, %eax
        shl     $12, %eax
        or      $7, %eax
        mov     %eax, PT(, %ecx, 8)
        inc     %ecx
        cmp     $512, %ecx
        jb      1b
        movl    $0, PT + (CODE >> 12) * 8 - 8   /* nothing runs on from here either */
        movl    $0, PT + (CODE_STACK >> 12) * 8 - 8
        movl    $0, PT + (KERNEL_STACK >> 12) * 8 - 8
        ret

/* What RBX points to: a near pointer, then far ones. */
pointers:
        .quad   TARGET, 0
        .quad   TARGET, CODE_64
        .quad   TARGET, USER_CODE
        .quad   0, CALL_GATE
        .quad   TARGET, CONFORMING
        .quad   TARGET, 0
        .quad   TARGET, USER_DATA
        .quad   1 << 60, CODE_64
        .long   TARGET, CODE_64, TARGET, USER_CODE
pointers_end:

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* CODE_32 */
        .quad   0x00cf93000000ffff      /* DATA */
        .quad   0x00af9b000000ffff      /* CODE_64 */
        .quad   0x00cf93000000ffff      /* the stack of SYSCALL and SYSENTER */
        .quad   0x00cffb000000ffff      /* USER_CODE_32 */
        .quad   0x00cff3000000ffff      /* USER_DATA */
        .quad   0x00affb000000ffff      /* USER_CODE */
        .quad   0x00cff3000000ffff      /* the stack of SYSEXIT */
        .quad   0x0000890000000068 | TSS << 16
        .quad   0
        .quad   (HANDLER & 0xffff) | CODE_64 << 16 | 0xec00 << 32 | (HANDLER >> 16) << 48
        .quad   0
        .quad   0x00af9f000000ffff      /* CONFORMING */
gdt_end:
gdtr:   .word   gdt_end - gdt - 1
        .long   gdt
idtr:   .word   34 * 16 - 1
        .quad   IDT
ram_end:

/* ---------------------------------------------------------------------------------------------------- */
.include "boot.inc"

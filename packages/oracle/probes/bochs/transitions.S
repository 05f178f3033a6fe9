/* SPDX-License-Identifier: MIT */
/*
 * A firmware image that does register transitions and says what came of them. It is the whole system: it
 * starts at the reset vector, needs no BIOS and no disk, and runs under Bochs and under KVM alike.
 *
 * The image is 2 MiB, mapped below 4 GiB: a count and the cases, this program's RAM part (section .ram,
 * copied to 0x800), and its start (section .boot, the last page). A case puts the CPU into a mode with given
 * registers, executes one instruction there, and reads CR0, CR4, EFER and CR3 with nothing in between.
 * The answers leave through the first printer port, a line each; at the end the word that ends Bochs goes
 * to port 0x8900.
 *
 * Everything that runs between the instruction and the reading lies in the first page of memory, because
 * an instruction that changes CR4.PAE makes the CPU take one kind of page table for another, and
 * the first page is the only one that both kinds map. For the same reason nothing is written to memory there.
 */

/* A case, as it lies in the image. */
.set CASE_MODE,   0     /* u32: 0 real, 1 protected, 2 32-bit paging, 3 PAE, 4 compatibility, 5 64-bit */
.set CASE_OP,     4     /* u32: see ops_16, ops_32, ops_64 */
.set CASE_CR0,    8
.set CASE_CR4,    16
.set CASE_EFER,   24
.set CASE_VALUE,  32
.set CASE_MSR,    40    /* u32 */
.set CASE_PCID,   44    /* u32: OR-ed into CR3 before the case */
.set CASE_PDPT,   48    /* 4 x u64: what the PDPTEs in memory become just before the instruction */
.set CASE_SIZE,   96

.set CASES,       0xffe00010
.set CASE_COUNT,  0xffe00000
.set RAM_IMAGE,   0xffff0000
.set RAM_SIZE,    0x4000

/* The first page: interrupt vectors of real mode, variables, then code. */
.set CASE,        0x400
.set PHASE,       0x470  /* 0: entering the mode; 1: the instruction */
.set FAULTED,     0x474
.set VECTOR,      0x478
.set HAS_ERROR,   0x47c
.set ERROR,       0x480
.set SAVED_SP,    0x488
.set OUT_CR0,     0x490
.set OUT_CR4,     0x498
.set OUT_EFER,    0x4a0
.set OUT_CR3,     0x4a8
.set OUT_VALUE,   0x4b0
.set NEXT,        0x4b8
.set LEFT,        0x4bc
.set NO_STROBE,   0x4c0
.set STACK,       0x7f0

.set PML4,        0x10000
.set PDPT,        0x11000
.set PD,          0x12000
.set PDPT_PAE,    0x13000
.set PD_32,       0x14000
.set PT_32,       0x15000
.set IDT_32,      0x16000
.set IDT_64,      0x17000

.set CODE_32,     0x08
.set DATA,        0x10
.set CODE_64,     0x18
.set CODE_16,     0x20

.set MSR_EFER,    0xc0000080
.set CR0_BASE,    0x11          /* PE, ET: the driver's own mode */
.set CR0_PG,      0x80000000
.set CR4_PCIDE,   0x20000
.set CR4_LATE,    0x820000      /* PCIDE and CET: set after paging and WP are on */

/* ---------------------------------------------------------------------------------------------------- */
.section .ram, "ax"
.code32
.globl  ram_start, first_page_end, ram_end
ram_start:
        jmp     driver

/*
 * The instructions, in each width of code. EAX or RAX holds the value, ECX the number of an MSR; what an
 * instruction reads it leaves in EAX or RAX.
 */
.macro ops width, reg
        .balign 4
ops_\width:
        .long   op_cr0_\width, op_cr4_\width, op_cr3_\width, op_clts_\width, op_lmsw_\width
        .long   op_smsw_\width, op_rdmsr_\width, op_wrmsr_\width, op_cr1_\width, op_rsm_\width
op_cr0_\width:  mov     %\reg, %cr0
                jmp     after_\width
op_cr4_\width:  mov     %\reg, %cr4
                jmp     after_\width
op_cr3_\width:  mov     %\reg, %cr3
                jmp     after_\width
op_clts_\width: clts
                jmp     after_\width
op_lmsw_\width: lmsw    %ax
                jmp     after_\width
op_smsw_\width: smsw    %\reg
                jmp     after_\width
op_rdmsr_\width: rdmsr
                jmp     after_\width
op_wrmsr_\width: wrmsr
                jmp     after_\width
op_cr1_\width:  .byte   0x0f, 0x22, 0xc8        /* mov %eax, %cr1 */
                jmp     after_\width
op_rsm_\width:  rsm
                jmp     after_\width
.endm

.code32
        ops     32, eax
.code16
        ops     16, eax
.code64
        ops     64, rax

/*
 * Back to the driver's mode by legal steps only, with registers only: PCIDE goes before paging, and CR4
 * is not touched in PAE paging, where that might load PDPTEs that are wrong on purpose.
 */
.macro leave_paging
        mov     %cr4, %eax
        test    $CR4_PCIDE, %eax
        jz      1f
        and     $~CR4_PCIDE, %eax
        mov     %eax, %cr4
1:      mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0
        xor     %eax, %eax
        mov     %eax, %cr4
        mov     $CR0_BASE, %eax
        mov     %eax, %cr0
.endm

/* After an instruction of 32-bit code. No stack, no memory: the page tables may be of the wrong kind. */
.code32
after_32:
        mov     %eax, %esp
        mov     %cr0, %ebx
        mov     %cr4, %esi
        mov     %cr3, %ebp
        mov     $MSR_EFER, %ecx
        rdmsr
        mov     %eax, %edi
        leave_paging
        jmp     store_32

.code16
after_16:
        mov     %eax, %esp
        mov     %cr0, %ebx
        mov     %cr4, %esi
        mov     %cr3, %ebp
        mov     $MSR_EFER, %ecx
        rdmsr
        mov     %eax, %edi
        leave_paging
        ljmpl   $CODE_32, $store_32

/* From here on the registers are put away; the CPU is in protected mode without paging. */
.code32
store_32:
        mov     $DATA, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        mov     %esp, OUT_VALUE
        movl    $0, OUT_VALUE + 4
        mov     %ebx, OUT_CR0
        movl    $0, OUT_CR0 + 4
        mov     %esi, OUT_CR4
        movl    $0, OUT_CR4 + 4
        mov     %ebp, OUT_CR3
        movl    $0, OUT_CR3 + 4
        mov     %edi, OUT_EFER
        movl    $0, OUT_EFER + 4
        mov     $STACK, %esp
        jmp     report

/* 64-bit code: paging cannot have changed, so that memory is there. */
.code64
after_64:
        mov     %rax, OUT_VALUE
        mov     %cr0, %rax
        mov     %rax, OUT_CR0
        mov     %cr4, %rax
        mov     %rax, OUT_CR4
        mov     %cr3, %rax
        mov     %rax, OUT_CR3
        mov     $MSR_EFER, %ecx
        rdmsr
        mov     %eax, OUT_EFER
        mov     %edx, OUT_EFER + 4
        pushq   $CODE_32
        pushq   $leave_64
        lretq
.code32
leave_64:
        leave_paging
        mov     $STACK, %esp
        jmp     report

/* ---------------------------------------------------------------------------------------------------- */
/* Exceptions: the vector, and whether an error code was pushed, by the size of the frame. */
.macro stubs width
        .set    n, 0
        .rept   32
        .balign 16
        .if     n == 0
stubs_\width:
        .endif
        movl    $n, VECTOR
        jmp     fault_\width
        .set    n, n + 1
        .endr
.endm

.code32
fault_32:
        mov     SAVED_SP, %eax
        sub     %esp, %eax
        sub     $12, %eax
        mov     %eax, HAS_ERROR
        mov     (%esp), %eax
        mov     %eax, ERROR
        mov     SAVED_SP, %esp
        cmpl    $0, PHASE
        je      setup_failed
        movl    $1, FAULTED
        xor     %eax, %eax
        jmp     after_32
.code16
fault_16:
        mov     SAVED_SP, %eax
        sub     %esp, %eax
        sub     $6, %eax
        mov     %eax, HAS_ERROR
        mov     SAVED_SP, %esp
        movl    $1, FAULTED
        xor     %eax, %eax
        jmp     after_16
.code64
fault_64:
        mov     SAVED_SP, %eax
        sub     %esp, %eax
        sub     $40, %eax
        mov     %eax, HAS_ERROR
        mov     (%rsp), %rax
        mov     %eax, ERROR
        mov     SAVED_SP, %eax
        mov     %rax, %rsp
        cmpl    $0, PHASE
        je      1f
        movl    $1, FAULTED
        xor     %eax, %eax
        cmpl    $5, CASE + CASE_MODE
        je      after_64
        pushq   $CODE_32
        pushq   $after_32
        lretq
1:      pushq   $CODE_32
        pushq   $setup_failed
        lretq
.code32
setup_failed:
        movl    $2, FAULTED
        xor     %eax, %eax
        jmp     after_32

/* ---------------------------------------------------------------------------------------------------- */
/* Into the mode of a case. EBX points to it throughout. */
enter_mode:
        movl    $0, PHASE
        movl    $0, FAULTED
        mov     $STACK, %esp
        mov     %esp, SAVED_SP
        mov     $CASE, %ebx
        /* Clean page tables, and CR3 for the kind that the case has, or would turn on. */
        movl    $PD + 1, PDPT_PAE
        xor     %eax, %eax
        mov     %eax, PDPT_PAE + 4
        mov     $PDPT_PAE + 8, %edi
        mov     $6, %ecx
        rep stosl
        mov     CASE_CR4(%ebx), %ecx
        mov     $PD_32, %eax
        test    $0x20, %ecx
        jz      1f
        mov     $PDPT_PAE, %eax
        testl   $0x100, CASE_EFER(%ebx)
        jz      1f
        mov     $PML4, %eax
1:      or      CASE_PCID(%ebx), %eax
        mov     %eax, %cr3
        lidt    idtr_32
        and     $~CR4_LATE, %ecx
        mov     %ecx, %cr4
        mov     $MSR_EFER, %ecx
        mov     CASE_EFER(%ebx), %eax
        mov     CASE_EFER + 4(%ebx), %edx
        wrmsr
        mov     CASE_MODE(%ebx), %eax
        test    %eax, %eax
        jz      enter_real
        mov     CASE_CR0(%ebx), %eax
        cmpl    $4, CASE_MODE(%ebx)
        jb      1f
        lidt    idtr_64
1:      mov     %eax, %cr0
        mov     CASE_CR4(%ebx), %eax
        mov     %eax, %cr4
        cmpl    $5, CASE_MODE(%ebx)
        je      enter_64
        call    load_pdptes
        movl    $1, PHASE
        mov     CASE_OP(%ebx), %esi
        mov     CASE_MSR(%ebx), %ecx
        mov     CASE_VALUE(%ebx), %eax
        mov     CASE_VALUE + 4(%ebx), %edx
        jmp     *ops_32(, %esi, 4)

enter_64:
        ljmp    $CODE_64, $1f
.code64
1:      movl    $1, PHASE
        mov     $CASE, %ebx
        mov     CASE_OP(%rbx), %esi
        mov     CASE_MSR(%rbx), %ecx
        mov     CASE_VALUE(%rbx), %rax
        mov     CASE_VALUE + 4(%rbx), %edx
        mov     ops_64(, %rsi, 4), %esi
        jmp     *%rsi

.code32
enter_real:
        call    load_pdptes
        movl    $1, PHASE
        lidt    idtr_16
        ljmp    $CODE_16, $1f
.code16
1:      mov     CASE + CASE_CR0, %eax
        mov     %eax, %cr0
        ljmp    $0, $1f
1:      mov     CASE + CASE_OP, %esi
        mov     CASE + CASE_MSR, %ecx
        mov     CASE + CASE_VALUE, %eax
        mov     CASE + CASE_VALUE + 4, %edx
        shl     $2, %esi
        addl    $ops_16, %esi
        jmp     *(%si)

.code32
/* The PDPTEs that the instruction will find, if it loads them. */
load_pdptes:
        lea     CASE_PDPT(%ebx), %esi
        mov     $PDPT_PAE, %edi
        mov     $8, %ecx
        rep movsl
        ret

first_page_end:

/* ---------------------------------------------------------------------------------------------------- */
        stubs   32
.code16
        stubs   16
.code64
        stubs   64
.code32

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* CODE_32 */
        .quad   0x00cf93000000ffff      /* DATA */
        .quad   0x00af9b000000ffff      /* CODE_64 */
        .quad   0x000f9b000000ffff      /* CODE_16, limit 1 MiB */
gdt_end:
gdtr:   .word   gdt_end - gdt - 1
        .long   gdt
idtr_16: .word  0x3ff
        .long   0
idtr_32: .word  32 * 8 - 1
        .long   IDT_32
idtr_64: .word  32 * 16 - 1
        .long   IDT_64
        .long   0

driver:
        lgdt    gdtr
        call    build_tables
        mov     $1, %eax
        cpuid
        and     $0x80000000, %ecx       /* the CPU is a hypervisor's */
        mov     %ecx, NO_STROBE
        movl    $CASES, NEXT
        mov     CASE_COUNT, %eax
        mov     %eax, LEFT
next_case:
        cmpl    $0, LEFT
        je      finish
        decl    LEFT
        mov     NEXT, %esi
        mov     $CASE, %edi
        mov     $CASE_SIZE / 4, %ecx
        rep movsl
        mov     %esi, NEXT
        jmp     enter_mode

/* One line: what happened, then CR0, CR4, EFER, CR3 and the value that was read. */
report:
        mov     $MSR_EFER, %ecx
        xor     %eax, %eax
        xor     %edx, %edx
        wrmsr
        mov     %eax, %cr4
        mov     FAULTED, %eax
        cmp     $2, %eax
        je      2f
        test    %eax, %eax
        jnz     1f
        mov     $'D', %al
        call    put
        jmp     3f
1:      mov     $'F', %al
        call    put
        mov     VECTOR, %ebx
        call    put_long
        mov     $'-', %al
        cmpl    $0, HAS_ERROR
        je      1f
        mov     $'+', %al
        call    put
        mov     ERROR, %ebx
        call    put_long
        jmp     3f
1:      call    put
        jmp     3f
2:      mov     $'S', %al
        call    put
        mov     VECTOR, %ebx
        call    put_long
3:      mov     $OUT_CR0, %esi
        mov     $5, %edi
4:      mov     $' ', %al
        call    put
        mov     4(%esi), %ebx
        call    put_long
        mov     (%esi), %ebx
        call    put_long
        add     $8, %esi
        dec     %edi
        jnz     4b
        mov     $'\n', %al
        call    put
        jmp     next_case

/*
 * AL to the printer: the data, then a strobe; the printer is selected and not in reset. Under a hypervisor
 * each access costs an exit, and the port takes the data alone.
 */
put:    push    %eax
        mov     $0x378, %edx
        out     %al, %dx
        cmpl    $0, NO_STROBE
        jne     1f
        mov     $0x37a, %edx
        mov     $0x0d, %al
        out     %al, %dx
        mov     $0x0c, %al
        out     %al, %dx
1:      pop     %eax
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

/* Identity maps of low memory in each format, and the three interrupt tables. */
build_tables:
        xor     %eax, %eax
        mov     $PML4, %edi
        mov     $0x8000 / 4, %ecx
        rep stosl
        movl    $PDPT + 3, PML4
        movl    $PD + 3, PDPT
        mov     $PD, %edi
        mov     $0x83, %eax
        mov     $512, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b
        movl    $PT_32 + 3, PD_32
        mov     $PT_32, %edi
        mov     $3, %eax
        mov     $1024, %ecx
1:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $4, %edi
        loop    1b
        xor     %ecx, %ecx
1:      mov     %ecx, %eax
        shl     $4, %eax
        lea     stubs_16(%eax), %edx
        mov     %edx, (, %ecx, 4)
        lea     stubs_32(%eax), %edx
        mov     %edx, IDT_32(, %ecx, 8)
        movw    $CODE_32, IDT_32 + 2(, %ecx, 8)
        movl    $0x8e00, IDT_32 + 4(, %ecx, 8)
        lea     stubs_64(%eax), %edx
        mov     %edx, IDT_64(%eax)
        movw    $CODE_64, IDT_64 + 2(%eax)
        movl    $0x8e00, IDT_64 + 4(%eax)
        inc     %ecx
        cmp     $32, %ecx
        jb      1b
        ret
ram_end:

/* ---------------------------------------------------------------------------------------------------- */
.include "boot.inc"

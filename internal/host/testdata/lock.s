	.text
	.globl locked, segmented, plain, longer, sizeless
	.type locked, @function
locked:	lock decl (%rdi)
	ret
	.size locked, .-locked
	.type segmented, @function
segmented:
	.byte 0x3e
	mov (%rdi), %eax
	ret
	.size segmented, .-segmented
	.type plain, @function
plain:	ret
	.size plain, .-plain
	.type sizeless, @function
sizeless:
	ret
	.type longer, @function
longer:	nop
	nop
	ret
	.size longer, .-longer
	.type chosen, @gnu_indirect_function
	.globl chosen
chosen:	mov $0, %eax
	ret
	.size chosen, .-chosen
	.section .note.GNU-stack,"",@progbits

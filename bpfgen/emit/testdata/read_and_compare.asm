entry:
    0: StMemDW dst: rfp src: r0 off: -8 imm: 0
    1: LdXMemDW dst: r7 src: r1 off: 0 imm: 0                    ; read.hcl:2
    2: MovReg dst: r3 src: r7
    3: AddImm dst: r3 imm: 1128
    4: MovReg dst: r1 src: rfp                                   ; read.hcl:2
    5: AddImm dst: r1 imm: -16
    6: MovImm dst: r2 imm: 4
    7: Call FnProbeReadKernel
    8: JSLTImm dst: r0 off: 19 imm: 0
entry:
    9: LdXMemW dst: r6 src: rfp off: -16 imm: 0                  ; read.hcl:2
   10: LShImm dst: r6 imm: 32
   11: ArShImm dst: r6 imm: 32
   12: JSLEImm dst: r6 off: 13 imm: 1048576                      ; read.hcl:3
match:
   13: LoadMapPtr dst: r1 fd: 0 <events>
   15: MovImm dst: r2 imm: 16
   16: MovImm dst: r3 imm: 0
   17: Call FnRingbufReserve
   18: MovReg dst: r1 src: r0
   19: JEqImm dst: r1 off: 13 imm: 0
fill:
   20: StXMemDW dst: r1 src: r6 off: 0 imm: 0
   21: MovReg dst: r5 src: r7
   22: SwapBE dst: r5 
   23: StXMemDW dst: r1 src: r5 off: 8 imm: 0
   24: MovImm dst: r2 imm: 1
   25: Call FnRingbufSubmit
out:
   26: LdXMemDW dst: r0 src: rfp off: -8 imm: 0
   27: Exit
read failed:
   28: JEqImm dst: r7 off: -20 imm: 0
count failure:
   29: LdXMemDW dst: r5 src: rfp off: -8 imm: 0
   30: AddImm dst: r5 imm: 1
   31: StXMemDW dst: rfp src: r5 off: -8 imm: 0
   32: Ja off: -24
lost:
   33: LoadMapValue dst: r4, fd: 0 off: 16 <counters>
   35: MovImm dst: r5 imm: 1
   36: StXAtomicAddDW dst: r4 src: r5 off: 0
   37: Ja off: -12

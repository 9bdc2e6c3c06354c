entry:
    0: MovReg dst: r6 src: r1
    1: StMemW dst: rfp src: r0 off: -8 imm: 0
    2: LoadMapPtr dst: r1 fd: 0 <row>
    4: MovReg dst: r2 src: rfp
    5: AddImm dst: r2 imm: -8
    6: Call FnMapLookupElem
    7: MovReg dst: r4 src: r0
    8: JEqImm dst: r4 off: 43 imm: 0
found:
    9: LdXMemDW dst: r1 src: r6 off: 8 imm: 0                    ; hist.hcl:5
   10: MovImm dst: r0 imm: 0
   11: MovReg dst: r2 src: r1
   12: RShImm dst: r2 imm: 1
   13: MovReg dst: r3 src: r2
   14: RShImm dst: r3 imm: 32
   15: JEqImm dst: r3 off: 2 imm: 0
   16: MovReg dst: r2 src: r3
   17: MovImm dst: r0 imm: 32
   18: MovImm dst: r3 imm: 65535
   19: SubReg dst: r3 src: r2
   20: RShImm dst: r3 imm: 63
   21: LShImm dst: r3 imm: 4
   22: RShReg dst: r2 src: r3
   23: AddReg dst: r0 src: r3
   24: MovImm dst: r3 imm: 255
   25: SubReg dst: r3 src: r2
   26: RShImm dst: r3 imm: 63
   27: LShImm dst: r3 imm: 3
   28: RShReg dst: r2 src: r3
   29: AddReg dst: r0 src: r3
   30: MovImm dst: r3 imm: 15
   31: SubReg dst: r3 src: r2
   32: RShImm dst: r3 imm: 63
   33: LShImm dst: r3 imm: 2
   34: RShReg dst: r2 src: r3
   35: AddReg dst: r0 src: r3
   36: LdImmDW dst: r3 imm: 4919131752702878224
   38: LShImm dst: r2 imm: 2
   39: RShReg dst: r3 src: r2
   40: AndImm dst: r3 imm: 15
   41: AddReg dst: r0 src: r3
   42: RShReg dst: r1 src: r0
   43: AddReg dst: r0 src: r1
   44: AddImm dst: r0 imm: 1
   45: JLEImm dst: r0 off: 1 imm: 65
   46: MovImm dst: r0 imm: 65
   47: LShImm dst: r0 imm: 3
   48: AddReg dst: r4 src: r0
   49: LdXMemDW dst: r5 src: r4 off: 0 imm: 0
   50: AddImm dst: r5 imm: 1
   51: StXMemDW dst: r4 src: r5 off: 0 imm: 0                    ; hist.hcl:5
out:
   52: MovImm dst: r0 imm: 0
   53: Exit

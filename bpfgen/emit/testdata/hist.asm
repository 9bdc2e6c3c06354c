entry:
    0: MovReg dst: r6 src: r1
    1: StMemW dst: rfp src: r0 off: -8 imm: 0
    2: LoadMapPtr dst: r1 fd: 0 <row>
    4: MovReg dst: r2 src: rfp
    5: AddImm dst: r2 imm: -8
    6: Call FnMapLookupElem
    7: MovReg dst: r4 src: r0
    8: JEqImm dst: r4 off: 47 imm: 0
found:
    9: LdXMemDW dst: r1 src: r6 off: 8 imm: 0                    ; hist.hcl:5
   10: MovReg dst: r2 src: r1
   11: RShImm dst: r2 imm: 1
   12: MovImm32 dst: r0 imm: -1
   13: SubReg dst: r0 src: r2
   14: RShImm dst: r0 imm: 63
   15: LShImm dst: r0 imm: 5
   16: RShReg dst: r2 src: r0
   17: MovImm dst: r3 imm: 65535
   18: SubReg dst: r3 src: r2
   19: RShImm dst: r3 imm: 63
   20: LShImm dst: r3 imm: 4
   21: RShReg dst: r2 src: r3
   22: AddReg dst: r0 src: r3
   23: MovImm dst: r3 imm: 255
   24: SubReg dst: r3 src: r2
   25: RShImm dst: r3 imm: 63
   26: LShImm dst: r3 imm: 3
   27: RShReg dst: r2 src: r3
   28: AddReg dst: r0 src: r3
   29: MovImm dst: r3 imm: 15
   30: SubReg dst: r3 src: r2
   31: RShImm dst: r3 imm: 63
   32: LShImm dst: r3 imm: 2
   33: RShReg dst: r2 src: r3
   34: AddReg dst: r0 src: r3
   35: MovImm dst: r3 imm: 3
   36: SubReg dst: r3 src: r2
   37: RShImm dst: r3 imm: 63
   38: LShImm dst: r3 imm: 1
   39: RShReg dst: r2 src: r3
   40: AddReg dst: r0 src: r3
   41: MovReg dst: r3 src: r2
   42: RShImm dst: r3 imm: 1
   43: AndReg dst: r3 src: r2
   44: AddReg dst: r0 src: r2
   45: SubReg dst: r0 src: r3
   46: RShReg dst: r1 src: r0
   47: AddReg dst: r0 src: r1
   48: AddImm dst: r0 imm: 1
   49: JLEImm dst: r0 off: 1 imm: 65
   50: MovImm dst: r0 imm: 65
   51: LShImm dst: r0 imm: 3
   52: AddReg dst: r4 src: r0
   53: LdXMemDW dst: r5 src: r4 off: 0 imm: 0
   54: AddImm dst: r5 imm: 1
   55: StXMemDW dst: r4 src: r5 off: 0 imm: 0                    ; hist.hcl:5
out:
   56: MovImm dst: r0 imm: 0
   57: Exit

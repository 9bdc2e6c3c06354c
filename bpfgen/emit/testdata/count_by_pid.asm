entry:
    0: StMemW dst: rfp src: r0 off: -8 imm: 0
    1: LoadMapPtr dst: r1 fd: 0 <counters>                       ; counters
    3: MovReg dst: r2 src: rfp
    4: AddImm dst: r2 imm: -8
    5: Call FnMapLookupElem
    6: MovReg dst: r6 src: r0
    7: JEqImm dst: r6 off: 15 imm: 0
counted:
    8: LdXMemDW dst: r5 src: r6 off: 0 imm: 0
    9: AddImm dst: r5 imm: 1
   10: StXMemDW dst: r6 src: r5 off: 0 imm: 0
   11: Call FnGetCurrentPidTgid                                  ; count.hcl:3
   12: RShImm dst: r0 imm: 32
   13: StXMemDW dst: rfp src: r0 off: -8 imm: 0
   14: LoadMapPtr dst: r1 fd: 0 <table>                          ; count.hcl:4
   16: MovReg dst: r2 src: rfp
   17: AddImm dst: r2 imm: -8
   18: Call FnMapLookupElem
   19: JEqImm dst: r0 off: 5 imm: 0
add:
   20: LdXMemDW dst: r5 src: r0 off: 0 imm: 0
   21: AddImm dst: r5 imm: 1
   22: StXMemDW dst: r0 src: r5 off: 0 imm: 0                    ; count.hcl:5
out:
   23: MovImm dst: r0 imm: 0
   24: Exit
insert:
   25: StMemDW dst: rfp src: r0 off: -16 imm: 0
   26: LoadMapPtr dst: r1 fd: 0 <table>
   28: MovReg dst: r2 src: rfp
   29: AddImm dst: r2 imm: -8
   30: MovReg dst: r3 src: rfp
   31: AddImm dst: r3 imm: -16
   32: MovImm dst: r4 imm: 0
   33: Call FnMapUpdateElem
   34: LoadMapPtr dst: r1 fd: 0 <table>
   36: MovReg dst: r2 src: rfp
   37: AddImm dst: r2 imm: -8
   38: Call FnMapLookupElem
   39: JNEImm dst: r0 off: -20 imm: 0
full:
   40: LdXMemDW dst: r5 src: r6 off: 8 imm: 0
   41: AddImm dst: r5 imm: 1
   42: StXMemDW dst: r6 src: r5 off: 8 imm: 0
   43: Ja off: -21

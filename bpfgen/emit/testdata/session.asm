entry:
    0: MovReg dst: r7 src: r1
    1: Call Kfunc(0) <bpf_session_is_return>                     ; is_return
    2: MovReg dst: r6 src: r0
    3: AndImm dst: r6 imm: 1
    4: MovReg dst: r1 src: r7                                    ; cookie
    5: Call Kfunc(0) <bpf_session_cookie>
    6: MovReg dst: r7 src: r0
    7: JEqImm dst: r6 off: 10 imm: 0
return:
    8: LdXMemDW dst: r6 src: r7 off: 0 imm: 0
    9: Call FnKtimeGetNs
   10: SubReg dst: r0 src: r6
   11: LdImmDW dst: r5 imm: 123456789012
   13: MovImm dst: r4 imm: 1
   14: JLTReg dst: r0 off: 1 src: r5
   15: MovImm dst: r4 imm: 0
   16: MovReg dst: r0 src: r4
   17: Exit
entry side:
   18: Call FnKtimeGetNs
   19: StXMemDW dst: r7 src: r0 off: 0 imm: 0
   20: MovImm dst: r0 imm: 0
   21: Exit

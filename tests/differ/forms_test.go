package differ

// sort is what an expression of the generator is.
type sort uint8

const (
	sNumber    sort = iota // an integer of any width and sign, without a quantity
	sOperand               // a number or a literal
	sLiteral               // a number known at plan time
	sCount                 // a literal that counts bits
	sDuration              // a quantity
	sTime                  // a duration or a literal of one
	sSize                  // another quantity
	sCondition             // true or false
	sText                  // a string
	sWord                  // a string known at plan time
	sBox                   // a pointer to struct box in user memory
	sString                // a pointer to characters in user memory
	sNullable              // a number or nothing
	sColumn                // anything a column can show
	sAggregate             // a value of a table
	sortCount
)

// form is one way to write an expression of a sort: its text, in which each
// $ stands for the next of its parts.
type form struct {
	sort   sort
	text   string
	parts  []sort
	weight int    // how often, 0: 1
	event  string // only in this event; "": in all
}

func on(parts ...sort) []sort { return parts }

// forms are all ways to write an expression; those without parts are leaves.
var forms = []form{
	// Leaves of every width and sign.
	{sort: sNumber, text: "args.u8", event: "numbers"},
	{sort: sNumber, text: "args.s8", event: "numbers"},
	{sort: sNumber, text: "args.u16", event: "numbers"},
	{sort: sNumber, text: "args.s16", event: "numbers"},
	{sort: sNumber, text: "args.u32", event: "numbers"},
	{sort: sNumber, text: "args.s32", event: "numbers"},
	{sort: sNumber, text: "args.u64", event: "numbers", weight: 2},
	{sort: sNumber, text: "args.s64", event: "numbers", weight: 2},
	{sort: sNumber, text: "args.e", event: "numbers"},
	{sort: sNumber, text: "args.be16", event: "numbers"},
	{sort: sNumber, text: "args.be32", event: "numbers"},
	{sort: sNumber, text: "args[6]", event: "numbers"},
	{sort: sNumber, text: "args.n", event: "memory", weight: 2},
	{sort: sNumber, text: "args.len", event: "memory"},
	{sort: sNumber, text: "args.i", event: "memory"},
	{sort: sNumber, text: "args.u", event: "memory"},
	{sort: sNumber, text: "args.b", event: "memory"},
	{sort: sNumber, text: "pid"},
	{sort: sNumber, text: "uid"},
	{sort: sCondition, text: "args.flag", event: "numbers"},
	{sort: sCondition, text: "args.flag", event: "memory"},
	{sort: sCondition, text: "(uid == 0)", event: "any"},
	{sort: sText, text: "comm", weight: 2},

	// Arithmetic, with a literal on either side.
	{sort: sNumber, text: "($ + $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "($ - $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "($ * $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "($ / $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sNumber, text: "($ % $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sNumber, text: "($ + $)", parts: on(sLiteral, sNumber)},
	{sort: sNumber, text: "($ - $)", parts: on(sLiteral, sNumber)},
	{sort: sNumber, text: "($ * $)", parts: on(sLiteral, sNumber)},
	{sort: sNumber, text: "($ / $)", parts: on(sLiteral, sNumber)},
	{sort: sNumber, text: "($ % $)", parts: on(sLiteral, sNumber)},
	{sort: sNumber, text: "(-$)", parts: on(sNumber)},
	{sort: sNumber, text: "abs($)", parts: on(sNumber)},
	{sort: sNumber, text: "min($, $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "max($, $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "min($, $, $)", parts: on(sNumber, sOperand, sOperand)},
	{sort: sNumber, text: "max($, $, $)", parts: on(sLiteral, sNumber, sOperand)},

	// Bits and bytes.
	{sort: sNumber, text: "bitand($, $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "bitor($, $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "bitxor($, $)", parts: on(sNumber, sOperand)},
	{sort: sNumber, text: "bitnot($)", parts: on(sNumber)},
	{sort: sNumber, text: "shl($, $)", parts: on(sNumber, sCount)},
	{sort: sNumber, text: "shr($, $)", parts: on(sNumber, sCount), weight: 2},
	{sort: sNumber, text: "shl($, $)", parts: on(sOperand, sNumber)},
	{sort: sNumber, text: "shr($, $)", parts: on(sOperand, sNumber)},
	{sort: sNumber, text: "ntohs($)", parts: on(sNumber)},
	{sort: sNumber, text: "ntohl($)", parts: on(sNumber)},
	{sort: sNumber, text: "bswap($)", parts: on(sNumber)},

	// Casts to every width and sign.
	{sort: sNumber, text: `cast("u8", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("signed char", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("unsigned short", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("s16", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("u32", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("int", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("u64", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("long", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("__be16", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("__be32", $)`, parts: on(sNumber)},
	{sort: sNumber, text: `cast("enum color", $)`, parts: on(sNumber), event: "numbers"},
	{sort: sNumber, text: `cast("u64", $)`, parts: on(sString), event: "memory"},
	{sort: sNumber, text: `cast("s32", $)`, parts: on(sCondition)},
	{sort: sCondition, text: `cast("bool", $)`, parts: on(sNumber)},

	// Choices.
	{sort: sNumber, text: "($ ? $ : $)", parts: on(sCondition, sNumber, sOperand), weight: 2},
	{sort: sNumber, text: "($ ? $ : $)", parts: on(sCondition, sLiteral, sNumber)},
	{sort: sNumber, text: "try(args.absent, $)", parts: on(sNumber)},
	{sort: sCondition, text: "($ ? $ : $)", parts: on(sCondition, sCondition, sCondition)},
	{sort: sText, text: "($ ? $ : $)", parts: on(sCondition, sText, sText)},
	{sort: sText, text: "($ ? $ : $)", parts: on(sCondition, sText, sWord)},
	{sort: sNullable, text: "($ ? $ : null)", parts: on(sCondition, sNumber)},
	{sort: sNullable, text: "($ ? null : $)", parts: on(sCondition, sNumber)},
	{sort: sNullable, text: "($ ? $ : $)", parts: on(sCondition, sNullable, sNumber)},

	// Comparisons and logic.
	{sort: sCondition, text: "($ == $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sCondition, text: "($ != $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sCondition, text: "($ < $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sCondition, text: "($ <= $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sCondition, text: "($ > $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sCondition, text: "($ >= $)", parts: on(sNumber, sOperand), weight: 2},
	{sort: sCondition, text: "($ < $)", parts: on(sLiteral, sNumber)},
	{sort: sCondition, text: "($ >= $)", parts: on(sLiteral, sNumber)},
	{sort: sCondition, text: "(!$)", parts: on(sCondition)},
	{sort: sCondition, text: "($ && $)", parts: on(sCondition, sCondition), weight: 3},
	{sort: sCondition, text: "($ || $)", parts: on(sCondition, sCondition), weight: 3},
	{sort: sCondition, text: "($ == $)", parts: on(sCondition, sCondition)},
	{sort: sCondition, text: "($ != $)", parts: on(sCondition, sCondition)},
	{sort: sCondition, text: "($ == true)", parts: on(sCondition)},
	{sort: sCondition, text: "contains([$, $, $], $)", parts: on(sLiteral, sLiteral, sLiteral, sNumber)},
	{sort: sCondition, text: "contains([$], $)", parts: on(sLiteral, sNumber)},
	{sort: sCondition, text: "($ == null)", parts: on(sNullable)},
	{sort: sCondition, text: "($ != null)", parts: on(sNullable)},
	{sort: sCondition, text: `(args.e == "RED")`, event: "numbers"},
	{sort: sCondition, text: `(args.e != "BLUE")`, event: "numbers"},

	// Quantities.
	{sort: sDuration, text: "duration($)", parts: on(sNumber), weight: 3},
	{sort: sDuration, text: "($ + $)", parts: on(sDuration, sTime)},
	{sort: sDuration, text: "($ - $)", parts: on(sDuration, sTime)},
	{sort: sDuration, text: "($ - $)", parts: on(sTime, sDuration)},
	{sort: sDuration, text: "($ * $)", parts: on(sDuration, sOperand)},
	{sort: sDuration, text: "($ / $)", parts: on(sDuration, sOperand)},
	{sort: sDuration, text: "($ % $)", parts: on(sDuration, sTime)},
	{sort: sDuration, text: "min($, $)", parts: on(sDuration, sTime)},
	{sort: sDuration, text: "max($, $)", parts: on(sDuration, sTime)},
	{sort: sDuration, text: "abs($)", parts: on(sDuration)},
	{sort: sDuration, text: "(-$)", parts: on(sDuration)},
	{sort: sDuration, text: "($ ? $ : $)", parts: on(sCondition, sDuration, sDuration)},
	{sort: sDuration, text: `($ ? $ : duration("10ms"))`, parts: on(sCondition, sDuration)},
	{sort: sNumber, text: "($ / $)", parts: on(sDuration, sTime)},
	{sort: sNumber, text: "($ / $)", parts: on(sSize, sSize)},
	{sort: sSize, text: "size($)", parts: on(sNumber), weight: 2},
	{sort: sSize, text: "($ + $)", parts: on(sSize, sSize)},
	{sort: sSize, text: `max($, "4KiB")`, parts: on(sSize)},
	{sort: sSize, text: "($ * $)", parts: on(sLiteral, sSize)},
	{sort: sCondition, text: "($ < $)", parts: on(sDuration, sTime)},
	{sort: sCondition, text: "($ >= $)", parts: on(sTime, sDuration)},
	{sort: sCondition, text: "($ == $)", parts: on(sDuration, sOperand)},
	{sort: sCondition, text: `($ > "1MiB")`, parts: on(sSize)},
	{sort: sTime, text: "$", parts: on(sDuration)},
	{sort: sTime, text: `"10ms"`},
	{sort: sTime, text: `"1ns"`},
	{sort: sTime, text: `"3h"`},

	// Strings.
	{sort: sCondition, text: "startswith($, $)", parts: on(sText, sWord)},
	{sort: sCondition, text: "endswith($, $)", parts: on(sText, sWord)},
	{sort: sCondition, text: "strcontains($, $)", parts: on(sText, sWord)},
	{sort: sCondition, text: "($ == $)", parts: on(sText, sWord)},
	{sort: sCondition, text: "($ != $)", parts: on(sWord, sText)},
	{sort: sCondition, text: "($ == $)", parts: on(sText, sText)},
	{sort: sCondition, text: "contains([$, $, $], $)", parts: on(sWord, sWord, sWord, sText)},
	{sort: sText, text: "str($)", parts: on(sString), event: "memory", weight: 2},
	{sort: sText, text: "str($, 8)", parts: on(sString), event: "memory"},
	{sort: sText, text: "str($, 1)", parts: on(sString), event: "memory"},
	{sort: sText, text: "str($, 16)", parts: on(sString), event: "memory"},
	{sort: sText, text: "str($, 33)", parts: on(sString), event: "memory"},
	{sort: sText, text: "$.name", parts: on(sBox), event: "memory", weight: 2},
	{sort: sText, text: "$.inner.label", parts: on(sBox), event: "memory"},

	// Memory: members, bitfields, arrays, chains.
	{sort: sString, text: "uptr(args.cp)", event: "memory", weight: 3},
	{sort: sString, text: "$.text", parts: on(sBox), event: "memory", weight: 2},
	{sort: sString, text: `cast("char *", uptr(args.n))`, event: "memory"},
	{sort: sString, text: "($ ? $ : $)", parts: on(sCondition, sString, sString), event: "memory"},
	{sort: sString, text: "deref(uptr(args.argv))", event: "memory"},
	{sort: sBox, text: "uptr(args.p)", event: "memory", weight: 4},
	{sort: sBox, text: "$.next", parts: on(sBox), event: "memory", weight: 2},
	{sort: sBox, text: "$.links[1]", parts: on(sBox), event: "memory"},
	{sort: sBox, text: `cast("struct box *", uptr(args.n))`, event: "memory"},
	{sort: sBox, text: "($ ? $ : $)", parts: on(sCondition, sBox, sBox), event: "memory"},
	{sort: sNumber, text: "$.u8", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.s8", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.u16", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.s16", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.u32", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.s32", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.u64", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.s64", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.port", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.addr", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.color", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.bits1", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.bits7", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.sbits5", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.bits19", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.wide", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.swide", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.either32", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.either16", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.inner.x", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.inner.deep.y", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.array[0]", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.array[3]", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$.array[bitand($, 3)]", parts: on(sBox, sNumber), event: "memory"},
	{sort: sNumber, text: "$.inners[1].x", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: "$[1].s16", parts: on(sBox), event: "memory"},
	{sort: sNumber, text: `deref(cast("long *", $))`, parts: on(sBox), event: "memory"},
	{sort: sNumber, text: `cast("u32 *", $)[2]`, parts: on(sBox), event: "memory"},
	{sort: sNumber, text: `deref(cast("short *", kptr(args.kp)))`, event: "memory"},
	{sort: sText, text: "str(kptr(args.kp), 24)", event: "memory"},
	{sort: sCondition, text: "$.flag", parts: on(sBox), event: "memory"},
	{sort: sCondition, text: "($ == null)", parts: on(sBox), event: "memory"},
	{sort: sCondition, text: "($ != null)", parts: on(sString), event: "memory"},
	{sort: sCondition, text: "($ == $)", parts: on(sBox, sBox), event: "memory"},
	{sort: sCondition, text: "($ != $)", parts: on(sString, sOperand), event: "memory"},

	// Addresses of the network.
	{sort: sCondition, text: `cidr("10.0.0.0/9", args.be32)`, event: "numbers"},
	{sort: sCondition, text: `cidr("0.0.0.0/0", args.u32)`, event: "numbers"},
	{sort: sCondition, text: `cidr("10.1.2.3/32", $.addr)`, parts: on(sBox), event: "memory"},
	{sort: sCondition, text: `cidr("fe80::/10", $.addr6)`, parts: on(sBox), event: "memory"},
	{sort: sCondition, text: `cidr("10.0.0.0/8", ip($.addr6))`, parts: on(sBox), event: "memory"},
	{sort: sCondition, text: `(ip(args.be32) == "10.0.0.1")`, event: "numbers"},
	{sort: sCondition, text: "(ip($.addr6) == ip($.addr6))", parts: on(sBox, sBox), event: "memory"},
	{sort: sCondition, text: `(buf($, 3) == buf($, 3))`, parts: on(sString, sString), event: "memory"},
	{sort: sCondition, text: `(ip($.addr6) == "fe80::1")`, parts: on(sBox), event: "memory"},

	// What a column shows.
	{sort: sOperand, text: "$", parts: on(sNumber), weight: 3},
	{sort: sOperand, text: "$", parts: on(sLiteral), weight: 2},
	{sort: sColumn, text: "$", parts: on(sNumber), weight: 12},
	{sort: sColumn, text: "$", parts: on(sCondition), weight: 10},
	{sort: sColumn, text: "$", parts: on(sDuration), weight: 3},
	{sort: sColumn, text: "$", parts: on(sText), weight: 3},
	{sort: sColumn, text: "$", parts: on(sNullable), weight: 3},
	{sort: sColumn, text: "$", parts: on(sSize)},
	{sort: sColumn, text: "($ ? $ : null)", parts: on(sCondition, sDuration)},
	{sort: sColumn, text: "($ ? $ : null)", parts: on(sCondition, sText)},
	{sort: sColumn, text: "$", parts: on(sString), event: "memory"},
	{sort: sColumn, text: "$", parts: on(sBox), event: "memory"},
	{sort: sColumn, text: "hex($)", parts: on(sNumber)},
	{sort: sColumn, text: "octal($)", parts: on(sNumber)},
	{sort: sColumn, text: "errno($)", parts: on(sNumber)},
	{sort: sColumn, text: "signal($)", parts: on(sNumber)},
	{sort: sColumn, text: "syscall($)", parts: on(sNumber)},
	{sort: sColumn, text: "capability($)", parts: on(sNumber)},
	{sort: sColumn, text: "family($)", parts: on(sNumber)},
	{sort: sColumn, text: "tcp_state($)", parts: on(sNumber)},
	{sort: sColumn, text: "username($)", parts: on(sNumber)},
	{sort: sColumn, text: "ksym($)", parts: on(sNumber)},
	{sort: sColumn, text: "usym($)", parts: on(sNumber)},
	{sort: sColumn, text: "wall($)", parts: on(sNumber)},
	{sort: sColumn, text: `lookup({ 0 = "zero", 1 = "one" }, $)`, parts: on(sNumber)},
	{sort: sColumn, text: `flags($, { 1 = "A", 64 = "B" })`, parts: on(sNumber)},
	{sort: sColumn, text: "ip(args.be32)", event: "numbers"},
	{sort: sColumn, text: "ip($.addr6)", parts: on(sBox), event: "memory"},
	{sort: sColumn, text: "mac($)", parts: on(sString), event: "memory"},
	{sort: sColumn, text: "$.array", parts: on(sBox), event: "memory"},
	{sort: sColumn, text: "buf($, args.len, 16)", parts: on(sString), event: "memory"},
	{sort: sColumn, text: "buf($, args.n, 16)", parts: on(sString), event: "memory"},
	{sort: sColumn, text: "buf($, args.u)", parts: on(sString), event: "memory"},
	{sort: sColumn, text: "buf($, 5)", parts: on(sString), event: "memory"},
	{sort: sColumn, text: "($ ? buf($, args.len, 8) : buf($, args.n, 16))", parts: on(sCondition, sString, sString), event: "memory"},
	{sort: sColumn, text: "($ ? buf($, 6) : null)", parts: on(sCondition, sString), event: "memory"},
	{sort: sColumn, text: "($ ? null : buf($, args.len, 40))", parts: on(sCondition, sString), event: "memory"},
	{sort: sColumn, text: "($ ? $.array : $.array)", parts: on(sCondition, sBox, sBox), event: "memory"},
	{sort: sColumn, text: "($ ? $.array : null)", parts: on(sCondition, sBox), event: "memory"},
	{sort: sColumn, text: "($ ? ip($.addr6) : ip($.addr6))", parts: on(sCondition, sBox, sBox), event: "memory"},
	{sort: sColumn, text: "($ ? buf($, 5) : buf($, 7))", parts: on(sCondition, sString, sString), event: "memory"},
	{sort: sColumn, text: "($ ? buf($, 5) : buf($, args.len, 9))", parts: on(sCondition, sString, sString), event: "memory"},
	{sort: sColumn, text: "($ ? buf($, 5) : ($ ? null : buf($, args.len, 70)))", parts: on(sCondition, sString, sCondition, sString), event: "memory"},
	{sort: sColumn, text: "strs(uptr(args.argv), 3, 6)", event: "memory"},
	{sort: sColumn, text: "strs(uptr(args.argv), 2)", event: "memory"},
	{sort: sColumn, text: `join("+", strs(uptr(args.argv), 3, 6))`, event: "memory"},
	{sort: sColumn, text: `"<${$}|${$}>"`, parts: on(sNumber, sText)},
	{sort: sColumn, text: `format("%d %05d %x", $, $, $)`, parts: on(sNumber, sNumber, sNumber)},
}

// notGenerated are functions that no form writes, and why.
var notGenerated = map[string]string{
	"entry":        "a raw tracepoint is a moment; pairs are tested in tests/truth",
	"local_ip":     "made of members and cidr's parts",
	"remote_ip":    "made of members and cidr's parts",
	"local_port":   "a member",
	"remote_port":  "a member",
	"under_cgroup": "the helper's answer depends on the machine",
}

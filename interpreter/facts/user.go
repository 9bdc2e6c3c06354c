package facts

import (
	"fmt"
	"sort"
)

// Function finds a binary's functions called name: several if the binary has
// several versions or static functions of that name, none if it has none.
func (b *Binary) Function(name string) []UserFunction {
	lo := sort.Search(len(b.Functions), func(i int) bool { return b.Functions[i].Name >= name })
	hi := lo
	for hi < len(b.Functions) && b.Functions[hi].Name == name {
		hi++
	}
	return b.Functions[lo:hi]
}

// At is the file offset of the instruction that stands delta bytes into the
// function. The error says why nothing can be probed there: the function is
// refused as a whole (only where delta is 0: the reason is its first
// instruction or that it is no function), delta lies outside of it, or no
// instruction of arch ("x86_64", "arm64") can begin there.
//
// On x86_64 only the bounds are checked, not that an instruction begins there.
func (f UserFunction) At(delta uint64, arch string) (uint64, error) {
	switch {
	case f.Indirect:
		return 0, fmt.Errorf("%s cannot be probed: %s", f.Name, f.Refused)
	case delta == 0 && f.Refused != "":
		return 0, fmt.Errorf("%s cannot be probed: %s", f.Name, f.Refused)
	case delta == 0:
		return f.Offset, nil
	case f.Size == 0:
		return 0, fmt.Errorf("%s+%#x cannot be probed: the symbol table does not say how long %s is", f.Name, delta, f.Name)
	case delta >= f.Size:
		return 0, fmt.Errorf("%s+%#x lies outside of %s, which is %#x bytes long", f.Name, delta, f.Name, f.Size)
	case arch == "arm64" && delta%4 != 0:
		return 0, fmt.Errorf("%s+%#x is not the start of an instruction: these are 4 bytes each", f.Name, delta)
	default:
		return f.Offset + delta, nil
	}
}

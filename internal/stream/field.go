package stream

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"tracer/bpfgen/layout"
	"tracer/interpreter/types"
	"tracer/interpreter/value"
)

// decoderOf picks the decoder of a field by its kind, and refuses layouts that
// contradict themselves, so that decoding need only look at lengths that vary.
func decoderOf(f *layout.Field) (fieldDecoder, error) {
	if f.Off < 0 || f.Size < 0 {
		return nil, errors.New("lies before the record")
	}
	var d fieldDecoder
	need := 0
	switch f.Type.Kind {
	case types.Bool, types.Int, types.Pointer, types.Enum:
		d, need = decodeScalar, f.Type.Size
		if need != 1 && need != 2 && need != 4 && need != 8 {
			return nil, fmt.Errorf("scalar of %d bytes", need)
		}
	case types.String:
		d, need = decodeString, f.Size
		if f.Tail {
			d, need = decodeTailString, 4
		}
	case types.Bytes:
		d, need = decodeBytes, 4+f.Type.Size
		switch {
		case f.Tail:
			d, need = decodeTailBytes, 8
		case f.Type.Fixed:
			d, need = decodeFixed, f.Type.Size
		}
	case types.List:
		d, need = decodeList, 8
		if f.Type.Elem == nil {
			return nil, errors.New("list without an element type")
		}
	case types.Array:
		if f.Type.Elem == nil || !f.Type.Elem.IsScalar() {
			return nil, errors.New("array of something else than scalars")
		}
		d, need = decodeArray, f.Type.Len*f.Type.Elem.Size
	default:
		return nil, fmt.Errorf("a %s cannot stand in a record", f.Type)
	}
	if need < 0 || need > f.Size {
		return nil, fmt.Errorf("%d bytes in place where %d are needed", f.Size, need)
	}
	return d, nil
}

// at is the field's bytes in place.
func at(f *layout.Field, data []byte) ([]byte, error) {
	if f.Off+f.Size > len(data) {
		return nil, ErrShort
	}
	return data[f.Off : f.Off+f.Size], nil
}

// take cuts n bytes off the variable part.
func (c *columns) take(n uint32, limit int) ([]byte, error) {
	if limit > 0 && int64(n) > int64(limit) {
		return nil, fmt.Errorf("%d bytes in the tail where at most %d fit", n, limit)
	}
	if int64(n) > int64(len(c.tail)) {
		return nil, ErrShort
	}
	b := c.tail[:n]
	c.tail = c.tail[n:]
	return b, nil
}

func decodeScalar(_ *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	out.Int = le64(b, f.Type.Size, f.Type.Signed)
	return nil
}

func decodeString(_ *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	setString(out, b, f.Type.Size, f.Type.Fixed)
	return nil
}

func decodeTailString(c *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	if b, err = c.take(binary.LittleEndian.Uint32(b), f.TailMax); err != nil {
		return err
	}
	setString(out, b, f.Type.Size, f.Type.Fixed)
	return nil
}

// setString takes the content of b: up to its NUL or its end, of which more
// than size bytes mean that it was cut, unless it is fixed.
func setString(out *value.Value, b []byte, size int, fixed bool) {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) > size {
		b, out.Truncated = b[:size], !fixed
	}
	out.Bytes = b[:len(b):len(b)]
}

func decodeFixed(_ *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	out.Bytes = b[:f.Type.Size:f.Type.Size]
	return nil
}

func decodeBytes(_ *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	n := wanted(b, f, out)
	out.Bytes = b[4 : 4+n : 4+n]
	return nil
}

func decodeTailBytes(c *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	n := wanted(b, f, out)
	used := int64(binary.LittleEndian.Uint32(b[4:]))
	b, err = c.take(uint32(used), f.TailMax)
	if err == nil && used < int64(n) {
		return fmt.Errorf("%d bytes of the %d that were read", used, n)
	}
	out.Bytes = b[:min(n, len(b))]
	return err
}

// wanted is how many bytes are valid.
func wanted(b []byte, f *layout.Field, out *value.Value) int {
	want := int64(binary.LittleEndian.Uint32(b))
	if want > int64(f.Type.Size) {
		out.Truncated = true
		return f.Type.Size
	}
	return int(want)
}

func decodeList(c *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	count, used := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	body := b[8:]
	if f.Tail {
		if body, err = c.take(used, f.TailMax); err != nil {
			return err
		}
	} else {
		if int64(used) > int64(len(body)) {
			return fmt.Errorf("a list uses %d of %d bytes", used, len(body))
		}
		body = body[:used]
	}
	out.Truncated = count&layout.CountMore != 0
	count &^= layout.CountMore
	if int64(count) > int64(used) {
		return fmt.Errorf("a list of %d strings in %d bytes", count, used)
	}
	return c.listOf(int(count), body, f, out)
}

// listOf splits body into count strings, each ended by NUL.
func (c *columns) listOf(count int, body []byte, f *layout.Field, out *value.Value) error {
	start := len(c.lists)
	for range count {
		end := bytes.IndexByte(body, 0)
		if end < 0 {
			return errors.New("a string of a list has no end")
		}
		v := value.Value{Type: f.Type.Elem}
		setString(&v, body[:end], f.Type.Elem.Size, false)
		c.lists = append(c.lists, v)
		body = body[end+1:]
	}
	out.Parts = &value.Parts{List: c.lists[start:len(c.lists):len(c.lists)]}
	return nil
}

func decodeArray(c *columns, f *layout.Field, data []byte, out *value.Value) error {
	b, err := at(f, data)
	if err != nil {
		return err
	}
	start, elem := len(c.lists), f.Type.Elem
	for i := range f.Type.Len {
		c.lists = append(c.lists, value.Value{Type: elem, Int: le64(b[i*elem.Size:], elem.Size, elem.Signed)})
	}
	out.Parts = &value.Parts{List: c.lists[start:len(c.lists):len(c.lists)]}
	return nil
}

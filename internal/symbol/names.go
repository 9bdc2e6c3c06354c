package symbol

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// userNames is the passwd file.
type userNames struct {
	byID   map[uint32]string
	byName map[string]uint32
}

// Username is the name of a user id.
func (r *Resolver) Username(uid uint32) (string, bool) {
	name, ok := r.passwd().byID[uid]
	return name, ok
}

// UserID is the id of a user name.
func (r *Resolver) UserID(name string) (uint32, bool) {
	uid, ok := r.passwd().byName[name]
	return uid, ok
}

func (r *Resolver) passwd() *userNames {
	if r.users != nil {
		return r.users
	}
	r.users = &userNames{byID: make(map[uint32]string), byName: make(map[string]uint32)}
	// Without the file no user has a name.
	content, _ := os.ReadFile(r.opt.Passwd)
	for line := range strings.Lines(string(content)) {
		fields := strings.Split(line, ":")
		if len(fields) < 4 || fields[0] == "" {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, ok := r.users.byID[uint32(uid)]; !ok {
			r.users.byID[uint32(uid)] = fields[0]
		}
		if _, ok := r.users.byName[fields[0]]; !ok {
			r.users.byName[fields[0]] = uint32(uid)
		}
	}
	return r.users
}

// cgroups maps cgroup ids, which are the inode numbers of their directories, to
// paths.
type cgroups struct {
	root   string
	paths  map[uint64]string
	walked time.Time
}

// rewalk is how long an unknown cgroup id is not looked for again.
const rewalk = time.Second

// CgroupPath is the path of a cgroup below the root, "/" for the root itself. A
// cgroup that is gone keeps the path it was seen with.
func (r *Resolver) CgroupPath(id uint64) (string, bool) {
	c := &r.cgroups
	path, ok := c.paths[id]
	if !ok && time.Since(c.walked) >= rewalk {
		c.walk()
		path, ok = c.paths[id]
	}
	return path, ok
}

func (c *cgroups) walk() {
	if c.paths == nil {
		c.paths = make(map[uint64]string)
	}
	// What cannot be read, or vanishes meanwhile, is left out.
	_ = filepath.WalkDir(c.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			below := strings.TrimPrefix(path, c.root)
			if below == "" {
				below = "/"
			}
			c.paths[stat.Ino] = below
		}
		return nil
	})
	c.walked = time.Now()
}

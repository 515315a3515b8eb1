// Verify an exported consent log with the Go checksum database's own packages: nothing here is ours but the reading
// of files. Usage: verify DIR VKEY PROOFS
//
// DIR is the log as served. PROOFS is a folder with *.tlog-proof and *.leaf (one of each per entry, same name), and
// consistency.txt: the old size, the old root, then the hashes of the proof, a line each, base64.
// Prints a line for each thing checked; exits 1 at the first that is wrong.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func die(format string, what ...interface{}) {
	fmt.Printf(format+"\n", what...)
	os.Exit(1)
}

func hash(text string) tlog.Hash {
	h, err := tlog.ParseHash(text)
	if err != nil {
		die("a hash is malformed")
	}
	return h
}

// checkpoint opens a note and reads origin, size and root from its text.
func checkpoint(message []byte, verifier note.Verifier) (tlog.Tree, int) {
	opened, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		die("checkpoint: %v", err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		die("checkpoint: not origin, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		die("checkpoint: size")
	}
	return tlog.Tree{N: size, Hash: hash(lines[2])}, len(opened.UnverifiedSigs)
}

// folder reads tiles where C2SP puts them: without the height that Go has in its paths.
type folder string

func (dir folder) Height() int { return 8 }

func (dir folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	rows := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		row, err := os.ReadFile(filepath.Join(string(dir), path))
		if err != nil {
			return nil, err
		}
		rows[i] = row
	}
	return rows, nil
}

func entries(dir string, tree tlog.Tree, reader tlog.HashReader) {
	for index := int64(0); index < tree.N; {
		tile := tlog.Tile{H: 8, L: 0, N: index / 256, W: 256}
		if left := tree.N - index; left < 256 {
			tile.W = int(left)
		}
		path := "tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/0/")
		bundle, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			die("entries: %s is missing", path)
		}
		for k := 0; k < tile.W; k++ {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				die("entries: entry %d is cut off", index)
			}
			length := 2 + int(binary.BigEndian.Uint16(bundle))
			stored, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil || stored[0] != tlog.RecordHash(bundle[2:length]) {
				die("entries: entry %d does not match its tile", index)
			}
			bundle = bundle[length:]
			index++
		}
		if len(bundle) != 0 {
			die("entries: a bundle is too long")
		}
	}
	fmt.Printf("entries ok %d\n", tree.N)
}

func proofs(dir string, verifier note.Verifier) {
	files, _ := filepath.Glob(filepath.Join(dir, "*.tlog-proof"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			die("proof: unreadable")
		}
		leaf, err := os.ReadFile(strings.TrimSuffix(file, ".tlog-proof") + ".leaf")
		if err != nil {
			die("proof: no leaf")
		}
		border := bytes.Index(text, []byte("\n\n"))
		lines := strings.Split(string(text[:border]), "\n")
		tree, _ := checkpoint(text[border+2:], verifier)
		index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		if err != nil || lines[0] != "c2sp.org/tlog-proof@v1" {
			die("proof: malformed")
		}
		var hashes tlog.RecordProof
		for _, line := range lines[2:] {
			hashes = append(hashes, hash(line))
		}
		if err := tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(leaf)); err != nil {
			die("proof of entry %d: %v", index, err)
		}
	}
	fmt.Printf("proofs ok %d\n", len(files))
}

func consistency(file string, tree tlog.Tree, reader tlog.HashReader) {
	text, err := os.ReadFile(file)
	if err != nil {
		die("consistency: unreadable")
	}
	lines := strings.Fields(string(text))
	old, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil {
		die("consistency: malformed")
	}
	var ours tlog.TreeProof
	for _, line := range lines[2:] {
		ours = append(ours, hash(line))
	}
	theirs, err := tlog.ProveTree(tree.N, old, reader)
	if err != nil {
		die("consistency: %v", err)
	}
	for _, proof := range []tlog.TreeProof{ours, theirs} {
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, hash(lines[1])); err != nil {
			die("consistency: %v", err)
		}
	}
	fmt.Printf("consistency ok %d\n", old)
}

func main() {
	if len(os.Args) != 4 {
		die("usage: verify DIR VKEY PROOFS")
	}
	dir := os.Args[1]
	verifier, err := note.NewVerifier(os.Args[2])
	if err != nil {
		die("vkey: %v", err)
	}
	message, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		die("checkpoint: unreadable")
	}
	tree, unknown := checkpoint(message, verifier)
	fmt.Printf("checkpoint ok %d unknown %d\n", tree.N, unknown)
	reader := tlog.TileHashReader(tree, folder(dir))
	root, err := tlog.TreeHash(tree.N, reader)
	if err != nil || root != tree.Hash {
		die("tiles: they do not hash to the root")
	}
	fmt.Println("tiles ok", base64.StdEncoding.EncodeToString(root[:8]))
	entries(dir, tree, reader)
	proofs(os.Args[3], verifier)
	consistency(filepath.Join(os.Args[3], "consistency.txt"), tree, reader)
}

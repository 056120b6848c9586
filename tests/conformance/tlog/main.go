// Checks a folder of ciyuan's log with golang.org/x/mod/sumdb, which knows nothing of ciyuan: note signatures, tiles,
// tree hashes, consistency and inclusion by the library; and the fields of a receipt by their documented formula.
//
//	key            verifier key
//	checkpoint.N   signed checkpoints, smallest N first
//	tile/L/NNN...  tiles of the largest one (C2SP tlog-tiles)
//	*.tlog-proof   receipts
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error, what string) {
	if err != nil {
		fmt.Println("FAILED", what+":", err)
		os.Exit(1)
	}
}

func require(ok bool, what string) {
	if !ok {
		must(fmt.Errorf("does not hold"), what)
	}
}

type tiles struct{ dir string }

func (t tiles) Height() int { return 8 }

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		// The library writes the tile's height into the path, C2SP does not.
		data, err := os.ReadFile(filepath.Join(t.dir, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func openCheckpoint(signed []byte, keys note.Verifiers) (tlog.Tree, error) {
	opened, err := note.Open(signed, keys)
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != opened.Sigs[0].Name {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

type receipt struct {
	Entry  json.RawMessage
	Fields map[string]struct {
		Salt  string
		Value json.RawMessage
	}
}

// checkReceipt returns how many fields were compared.
func checkReceipt(text []byte, keys note.Verifiers, reader tlog.HashReader, tree tlog.Tree) (int, error) {
	parts := bytes.SplitN(text, []byte("\n\n"), 2)
	lines := strings.Split(string(parts[0]), "\n")
	if len(parts) != 2 || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return 0, fmt.Errorf("not a proof")
	}
	extra, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		return 0, err
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	if err != nil {
		return 0, err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return 0, err
		}
		proof = append(proof, hash)
	}
	signed, err := openCheckpoint(parts[1], keys)
	if err != nil {
		return 0, err
	}
	var r receipt
	if err := json.Unmarshal(extra, &r); err != nil {
		return 0, err
	}
	if err := tlog.CheckRecord(proof, signed.N, signed.Hash, index, tlog.RecordHash(r.Entry)); err != nil {
		return 0, err
	}
	if signed.N == tree.N {
		own, err := tlog.ProveRecord(signed.N, index, reader)
		if err != nil {
			return 0, err
		}
		if fmt.Sprint(own) != fmt.Sprint(proof) {
			return 0, fmt.Errorf("the library makes another proof")
		}
	}
	var entry struct{ Fields map[string]string }
	if err := json.Unmarshal(r.Entry, &entry); err != nil {
		return 0, err
	}
	for name, field := range r.Fields {
		salt, err := hex.DecodeString(field.Salt)
		if err != nil {
			return 0, err
		}
		hash := sha256.New()
		hash.Write([]byte("ciyuan/field/v1" + name + "\x00"))
		hash.Write(salt)
		hash.Write(field.Value)
		if hex.EncodeToString(hash.Sum(nil)) != entry.Fields[name] {
			return 0, fmt.Errorf("field %s is not the one that was logged", name)
		}
	}
	return len(r.Fields), nil
}

func main() {
	dir := os.Args[1]
	keyText, err := os.ReadFile(filepath.Join(dir, "key"))
	must(err, "key")
	verifier, err := note.NewVerifier(strings.TrimSpace(string(keyText)))
	must(err, "verifier key")
	keys := note.VerifierList(verifier)

	names, _ := filepath.Glob(filepath.Join(dir, "checkpoint.*"))
	require(len(names) >= 2, "two checkpoints or more")
	var trees []tlog.Tree
	for _, name := range names {
		signed, err := os.ReadFile(name)
		must(err, name)
		tree, err := openCheckpoint(signed, keys)
		must(err, name)
		trees = append(trees, tree)
		signed[len(signed)/2] ^= 1
		_, err = openCheckpoint(signed, keys)
		require(err != nil, "an altered checkpoint is refused")
	}
	sort.Slice(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	last := trees[len(trees)-1]
	reader := tlog.TileHashReader(last, tiles{dir})
	for _, tree := range trees {
		root, err := tlog.TreeHash(tree.N, reader)
		must(err, "root from tiles")
		require(root == tree.Hash, fmt.Sprint("root at size ", tree.N))
		proof, err := tlog.ProveTree(last.N, tree.N, reader)
		must(err, "consistency")
		must(tlog.CheckTree(proof, last.N, last.Hash, tree.N, tree.Hash), "consistency")
	}

	receipts, _ := filepath.Glob(filepath.Join(dir, "*.tlog-proof"))
	require(len(receipts) > 0, "a receipt")
	fields := 0
	for _, name := range receipts {
		text, err := os.ReadFile(name)
		must(err, name)
		n, err := checkReceipt(text, keys, reader, last)
		must(err, name)
		fields += n
		wrong := bytes.Replace(text, []byte("\nindex "), []byte("\nindex 1"), 1)
		_, err = checkReceipt(wrong, keys, reader, last)
		require(err != nil, "a receipt with another index is refused")
	}
	fmt.Printf("ok: %d checkpoints, %d receipts, %d fields\n", len(trees), len(receipts), fields)
}

// The CNI calls of CRI-O, made by CRI-O's own library, ocicni, with what CRI-O gives it (server/sandbox_network.go:newPodNetwork).
//
//	crio-calls add|check|del|status|gc [POD]
//
// POD is JSON. The environment has CONF_DIR and PLUGIN_DIRS, CRI-O's network_dir and plugin_dirs; the latter separated by colons.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cri-o/ocicni/pkg/ocicni"
)

type pod struct {
	Namespace, Name, UID, ID, NetNS string
	Annotations                     map[string]string
}

func (p *pod) network(plugin ocicni.CNIPlugin) ocicni.PodNetwork {
	return ocicni.PodNetwork{
		Name:      p.Name,
		Namespace: p.Namespace,
		UID:       p.UID,
		Networks:  []ocicni.NetAttachment{},
		ID:        p.ID,
		NetNS:     p.NetNS,
		RuntimeConfig: map[string]ocicni.RuntimeConfig{
			plugin.GetDefaultNetworkName(): {
				CgroupPath:     "kubepods-besteffort-pod" + p.UID + ".slice",
				PodAnnotations: &p.Annotations,
			},
		},
	}
}

func call(verb, text string) error {
	plugin, err := ocicni.InitCNI("", os.Getenv("CONF_DIR"), filepath.SplitList(os.Getenv("PLUGIN_DIRS"))...)
	if err != nil {
		return err
	}
	var about pod
	if text != "" {
		if err := json.Unmarshal([]byte(text), &about); err != nil {
			return err
		}
	}
	network := about.network(plugin)
	switch verb {
	case "add":
		results, err := plugin.SetUpPod(network)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(results[0].Result)
	case "check":
		_, err := plugin.GetPodNetworkStatus(network)
		return err
	case "del":
		return plugin.TearDownPod(network)
	case "status":
		return plugin.Status()
	case "gc":
		return plugin.GC(context.Background(), []*ocicni.PodNetwork{&network})
	}
	return fmt.Errorf("no such verb: %s", verb)
}

func main() {
	text := ""
	if len(os.Args) > 2 {
		text = os.Args[2]
	}
	if err := call(os.Args[1], text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

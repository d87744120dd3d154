package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"
)

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type judgement struct {
	Kstatus string `json:"kstatus"`
	ArgoCD  health `json:"argocd"`
}

// The words that Argo CD knows; any other makes the health Unknown.
var argoWords = map[string]bool{"Healthy": true, "Progressing": true, "Degraded": true, "Suspended": true, "Missing": true, "Unknown": true}

func judge(configMap string, input io.Reader) ([]judgement, error) {
	text, err := os.ReadFile(configMap)
	if err != nil {
		return nil, err
	}
	var settings struct {
		Data map[string]string `json:"data"`
	}
	if err := yaml.Unmarshal(text, &settings); err != nil {
		return nil, err
	}
	var objects []json.RawMessage
	if err := json.NewDecoder(input).Decode(&objects); err != nil {
		return nil, err
	}
	judgements := []judgement{}
	for _, each := range objects {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(each); err != nil {
			return nil, err
		}
		result, err := status.Compute(object)
		if err != nil {
			return nil, err
		}
		kind := object.GroupVersionKind().GroupKind()
		script, found := settings.Data[settingOf(kind)]
		if !found {
			return nil, fmt.Errorf("%s has no %s", configMap, settingOf(kind))
		}
		argoCD, err := byLua(script, object)
		if err != nil {
			return nil, fmt.Errorf("the health check of %s: %w", kind, err)
		}
		judgements = append(judgements, judgement{result.Status.String(), argoCD})
	}
	return judgements, nil
}

func settingOf(kind schema.GroupKind) string {
	return "resource.customizations.health." + kind.Group + "_" + kind.Kind
}

// byLua runs a health check with what Argo CD gives it: one second, the object, and of Lua's libraries the basic one and `table`.
func byLua(script string, object *unstructured.Unstructured) (health, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, library := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(library), Protect: true}, lua.LString(name)); err != nil {
			return health{}, err
		}
	}
	context, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(context)
	state.SetGlobal("obj", luaValue(state, object.Object))
	if err := state.DoString(script); err != nil {
		return health{}, err
	}
	answer, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return health{}, fmt.Errorf("it returned a %s, not a table", state.Get(-1).Type())
	}
	word, message := answer.RawGetString("status"), answer.RawGetString("message")
	if !argoWords[word.String()] {
		return health{}, fmt.Errorf("it returned the status %q, which Argo CD does not know", word)
	}
	if message == lua.LNil {
		return health{Status: word.String()}, nil
	}
	if message.Type() != lua.LTString {
		return health{}, fmt.Errorf("it returned a message that is a %s", message.Type())
	}
	return health{word.String(), message.String()}, nil
}

func luaValue(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(luaValue(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for name, item := range value {
			table.RawSetString(name, luaValue(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}

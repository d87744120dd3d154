package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/cli-utils/pkg/object"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/ssa"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// outcome is the condition Ready of a Kustomization, and what was done.
type outcome struct {
	Ready   bool              `json:"ready"`
	Reason  string            `json:"reason"`
	Message string            `json:"message"`
	Changes map[string]string `json:"changes"`
}

// tracked is an object of the inventory.
type tracked struct {
	ID      string `json:"id"`
	Version string `json:"v"`
}

// reconcile takes the steps of kustomize-controller in its order. A step that fails ends it, and is no error of this program.
func reconcile(kubeconfig, layout, source, inventory string) (*outcome, error) {
	kustomization, raw, err := readLayout(layout)
	if err != nil {
		return nil, err
	}
	old, err := readInventory(inventory)
	if err != nil {
		return nil, err
	}
	manager, err := newManager(kubeconfig)
	if err != nil {
		return nil, err
	}
	result := &outcome{Changes: map[string]string{}}
	failed := func(reason string, err error) (*outcome, error) {
		result.Reason, result.Message = reason, err.Error()
		return result, nil
	}

	objects, err := build(kustomization, raw, source)
	if err != nil {
		return failed("BuildFailed", err)
	}
	manager.SetOwnerLabels(objects, kustomization.Name, kustomization.Namespace)
	if err := normalize.UnstructuredList(objects); err != nil {
		return failed("ReconciliationFailed", err)
	}
	ctx := context.Background()
	applied, err := manager.ApplyAllStaged(ctx, objects, applyOptions(kustomization))
	result.add(applied)
	if err != nil {
		return failed("ReconciliationFailed", err)
	}
	current := []tracked{}
	for _, entry := range applied.Entries {
		current = append(current, tracked{entry.ObjMetadata.String(), entry.GroupVersion})
	}
	if err := writeInventory(inventory, current); err != nil {
		return nil, err
	}
	if kustomization.Spec.Prune {
		stale, err := missing(old, current)
		if err != nil {
			return nil, err
		}
		pruned, err := manager.DeleteAll(ctx, stale, deleteOptions(manager, kustomization))
		result.add(pruned)
		if err != nil {
			return failed("PruneFailed", err)
		}
	}
	awaited, err := healthChecks(kustomization, applied)
	if err != nil {
		return nil, err
	}
	wait := ssa.WaitOptions{Interval: time.Second, Timeout: kustomization.GetTimeout(), FailFast: true}
	if err := manager.WaitForSetWithContext(ctx, awaited, wait); err != nil {
		return failed("HealthCheckFailed", err)
	}
	result.Ready, result.Reason = true, "ReconciliationSucceeded"
	return result, nil
}

func (result *outcome) add(changes *ssa.ChangeSet) {
	if changes == nil {
		return
	}
	for _, entry := range changes.Entries {
		result.Changes[entry.Subject] = entry.Action.String()
	}
}

// readLayout finds the one Kustomization in a file; a field that Flux does not know is an error.
func readLayout(path string) (*kustomizev1.Kustomization, *unstructured.Unstructured, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	objects, err := ssautil.ReadObjects(bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	for _, each := range objects {
		if each.GetKind() != kustomizev1.KustomizationKind {
			continue
		}
		kustomization := &kustomizev1.Kustomization{}
		err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(each.Object, kustomization, true)
		return kustomization, each, err
	}
	return nil, nil, fmt.Errorf("%s has no Kustomization", path)
}

func newManager(kubeconfig string) (*ssa.ResourceManager, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 100, 200
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	mapper, err := apiutil.NewDynamicRESTMapper(config, http)
	if err != nil {
		return nil, err
	}
	cluster, err := client.New(config, client.Options{HTTPClient: http, Mapper: mapper})
	if err != nil {
		return nil, err
	}
	poller := polling.NewStatusPoller(cluster, mapper, polling.Options{})
	return ssa.NewResourceManager(cluster, poller, ssa.Owner{Field: "kustomize-controller", Group: kustomizev1.GroupVersion.Group}), nil
}

// build has the objects of the layout's path, with its namespace and its patches, from a copy: the generator writes a file.
func build(kustomization *kustomizev1.Kustomization, raw *unstructured.Unstructured, source string) ([]*unstructured.Unstructured, error) {
	root, err := os.MkdirTemp("", "gitops-test")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	if err := os.CopyFS(root, os.DirFS(source)); err != nil {
		return nil, err
	}
	path := filepath.Join(root, kustomization.Spec.Path)
	if _, err := kustomize.NewGenerator(root, *raw).WriteFile(path); err != nil {
		return nil, err
	}
	resources, err := kustomize.SecureBuild(root, path, false)
	if err != nil {
		return nil, err
	}
	text, err := resources.AsYaml()
	if err != nil {
		return nil, err
	}
	return ssautil.ReadObjects(bytes.NewReader(text))
}

func annotation(name string) string { return kustomizev1.GroupVersion.Group + "/" + name }

func applyOptions(kustomization *kustomizev1.Kustomization) ssa.ApplyOptions {
	options := ssa.DefaultApplyOptions()
	options.Force = kustomization.Spec.Force
	options.ForceSelector = map[string]string{annotation("force"): kustomizev1.EnabledValue}
	options.IfNotPresentSelector = map[string]string{annotation("ssa"): kustomizev1.IfNotPresentValue}
	options.ExclusionSelector = map[string]string{annotation("reconcile"): kustomizev1.DisabledValue, annotation("ssa"): kustomizev1.IgnoreValue}
	// Whose fields the tool makes its own before it applies; those of anybody else it overwrites where the file says something.
	for _, name := range []string{"kubectl", "before-first-apply", "kustomize-controller"} {
		update := ssa.FieldManager{Name: name, OperationType: metav1.ManagedFieldsOperationUpdate}
		options.Cleanup.FieldManagers = append(options.Cleanup.FieldManagers, update)
	}
	apply := ssa.FieldManager{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply}
	options.Cleanup.FieldManagers = append(options.Cleanup.FieldManagers, apply)
	options.Cleanup.Exclusions = map[string]string{annotation("ssa"): kustomizev1.MergeValue}
	return options
}

func deleteOptions(manager *ssa.ResourceManager, kustomization *kustomizev1.Kustomization) ssa.DeleteOptions {
	options := ssa.DefaultDeleteOptions()
	options.Inclusions = manager.GetOwnerLabels(kustomization.Name, kustomization.Namespace)
	options.Exclusions = map[string]string{annotation("prune"): kustomizev1.DisabledValue, annotation("reconcile"): kustomizev1.DisabledValue}
	return options
}

// healthChecks lists what is waited for: with `wait` all that was applied and not skipped, else what the layout names.
func healthChecks(kustomization *kustomizev1.Kustomization, applied *ssa.ChangeSet) (object.ObjMetadataSet, error) {
	awaited := object.ObjMetadataSet{}
	if kustomization.Spec.Wait {
		for _, entry := range applied.Entries {
			if entry.Action != ssa.SkippedAction {
				awaited = append(awaited, entry.ObjMetadata)
			}
		}
		return awaited, nil
	}
	for _, check := range kustomization.Spec.HealthChecks {
		version, err := schema.ParseGroupVersion(check.APIVersion)
		if err != nil {
			return nil, err
		}
		kind := schema.GroupKind{Group: version.Group, Kind: check.Kind}
		awaited = append(awaited, object.ObjMetadata{Namespace: check.Namespace, Name: check.Name, GroupKind: kind})
	}
	return awaited, nil
}

func readInventory(path string) ([]tracked, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries := []tracked{}
	return entries, json.Unmarshal(text, &entries)
}

func writeInventory(path string, entries []tracked) error {
	text, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// missing has the objects that were applied the last time and not this time.
func missing(old, current []tracked) ([]*unstructured.Unstructured, error) {
	there := map[string]bool{}
	for _, entry := range current {
		there[entry.ID] = true
	}
	stale := []*unstructured.Unstructured{}
	for _, entry := range old {
		if there[entry.ID] {
			continue
		}
		meta, err := object.ParseObjMetadata(entry.ID)
		if err != nil {
			return nil, err
		}
		each := &unstructured.Unstructured{}
		each.SetGroupVersionKind(meta.GroupKind.WithVersion(entry.Version))
		each.SetName(meta.Name)
		each.SetNamespace(meta.Namespace)
		stale = append(stale, each)
	}
	return stale, nil
}

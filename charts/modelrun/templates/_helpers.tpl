{{/* The label app.kubernetes.io/name. */}}
{{- define "modelrun.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* With what the names of the objects begin. It does not depend on the release's name, so that the names of an installed release stay. */}}
{{- define "modelrun.fullname" -}}
{{- .Values.fullnameOverride | default .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* With what the names of objects begin that stand beside those of other releases: in namespaces that are not this release's own, or in none. */}}
{{- define "modelrun.scopedName" -}}
{{- printf "%s-%s" (include "modelrun.fullname" .) .Release.Namespace -}}
{{- end }}

{{/* A binding of a component's service account: (list CONTEXT COMPONENT KIND-OF-ROLE NAME-OF-ROLE), what follows the metadata. */}}
{{- define "modelrun.boundTo" -}}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ index . 2 }}
  name: {{ index . 3 }}
subjects:
  - kind: ServiceAccount
    name: {{ include "modelrun.fullname" (index . 0) }}-{{ index . 1 }}
    namespace: {{ (index . 0).Release.Namespace }}
{{- end }}

{{/* By what a component's pods are found: (list CONTEXT COMPONENT). These labels never change, as the selectors of Deployments cannot. */}}
{{- define "modelrun.selectorOf" -}}
app.kubernetes.io/name: {{ include "modelrun.name" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{/* The labels of a component's objects: (list CONTEXT COMPONENT LABELS). */}}
{{- define "modelrun.labelsOf" -}}
{{- $root := index . 0 -}}
{{- $own := dict "app.kubernetes.io/version" $root.Chart.AppVersion "app.kubernetes.io/managed-by" $root.Release.Service "helm.sh/chart" (printf "%s-%s" $root.Chart.Name $root.Chart.Version) -}}
{{- toYaml (merge (dict) (include "modelrun.selectorOf" . | fromYaml) $own (index . 2) $root.Values.commonLabels) -}}
{{- end }}

{{/* The labels of a component's pods: (list CONTEXT COMPONENT LABELS). */}}
{{- define "modelrun.podLabelsOf" -}}
{{- $root := index . 0 -}}
{{- toYaml (merge (dict) (include "modelrun.selectorOf" (list $root (index . 1)) | fromYaml) (index . 2) $root.Values.commonLabels) -}}
{{- end }}

{{/* Labels and annotations of a component's object: (list CONTEXT COMPONENT ANNOTATIONS), or with further labels (list CONTEXT COMPONENT
ANNOTATIONS LABELS). Those that are given take precedence over commonAnnotations and commonLabels. */}}
{{- define "modelrun.metadata" -}}
{{- $further := dict }}
{{- if gt (len .) 3 }}{{ $further = index . 3 }}{{ end -}}
labels: {{- include "modelrun.labelsOf" (list (index . 0) (index . 1) $further) | nindent 2 }}
{{- with merge (dict) (index . 2) (index . 0).Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end }}

{{/* topologySpreadConstraints of a component's pods: (list CONTEXT COMPONENT CONSTRAINTS); by default over zones. */}}
{{- define "modelrun.topologySpread" -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "modelrun.selectorOf" (list (index . 0) (index . 1)) | fromYaml)) -}}
{{- $constraints := index . 2 | default (list (dict "maxSkew" 1 "topologyKey" "topology.kubernetes.io/zone" "whenUnsatisfiable" "ScheduleAnyway")) -}}
{{- range $constraints }}
{{- if hasKey . "labelSelector" }}
- {{- toYaml . | nindent 2 }}
{{- else }}
- {{- toYaml (merge (dict) . $selector) | nindent 2 }}
{{- end }}
{{- end -}}
{{- end }}

{{/* affinity of a component's pods: (list CONTEXT COMPONENT AFFINITY); by default to different nodes where that is possible. */}}
{{- define "modelrun.affinity" -}}
{{- if index . 2 }}
{{- toYaml (index . 2) -}}
{{- else -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels: {{- include "modelrun.selectorOf" . | nindent 12 }}
{{- end -}}
{{- end }}

{{/* The name of an image: image.NAME where it is given, else the one of this version in the registry. */}}
{{- define "modelrun.image" -}}
{{- $values := (index . 0).Values -}}
{{- $name := index . 1 -}}
{{- $registry := $values.image.registry | default ($values.global | default dict).imageRegistry -}}
{{- if index $values.image $name -}}
{{- index $values.image $name -}}
{{- else -}}
{{- $registry := required (printf "say where your cluster finds the images: --set image.registry=registry.example.com/modelrun (its images are operator, agent, python and gateway, tagged %s), or image.%s with a whole name" (index . 0).Chart.AppVersion $name) $registry -}}
{{- $repository := printf "%s/%s" (trimSuffix "/" $registry) (index $values.image.repositories $name) -}}
{{- with index $values.image.digests $name -}}
{{- printf "%s@%s" $repository . -}}
{{- else -}}
{{- printf "%s:%s" $repository ($values.image.tag | default (index . 0).Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The Secret with the gateway's certificate, or nothing. */}}
{{- define "modelrun.gateway.tlsSecret" -}}
{{- $tls := .Values.gateway.tls -}}
{{- if $tls.secretName -}}
{{- $tls.secretName -}}
{{- else if $tls.certManager.enabled -}}
{{- include "modelrun.fullname" . }}-gateway-tls
{{- end -}}
{{- end }}

{{/* The port of the gateway's Service. */}}
{{- define "modelrun.gateway.port" -}}
{{- int .Values.gateway.service.port | default (ternary 443 80 (ne (include "modelrun.gateway.tlsSecret" .) "")) -}}
{{- end }}

{{/* The names of the gateway's Service, as a JSON list in an object. */}}
{{- define "modelrun.gateway.serviceNames" -}}
{{- $name := printf "%s-gateway" (include "modelrun.fullname" .) -}}
{{- dict "names" (list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace)) | toJson -}}
{{- end }}

{{/* The other names that clients use for the gateway, as a JSON list in an object. */}}
{{- define "modelrun.gateway.hosts" -}}
{{- $gw := .Values.gateway -}}
{{- $hosts := $gw.allowedHosts -}}
{{- if $gw.ingress.enabled -}}
{{- $hosts = concat $hosts $gw.ingress.hosts -}}
{{- end -}}
{{- if $gw.httpRoute.enabled -}}
{{- $hosts = concat $hosts $gw.httpRoute.hostnames -}}
{{- end -}}
{{- dict "names" (uniq $hosts) | toJson -}}
{{- end }}

{{/* Gives every value that is not there its default. `helm upgrade --reuse-values` takes the values of the older release, which has not
heard of newer ones. Every template begins with it. */}}
{{- define "modelrun.complete" -}}
{{- include "modelrun.fill" (list .Values.AsMap (.Files.Get "defaults.yaml" | fromYaml)) -}}
{{- end }}

{{- define "modelrun.fill" -}}
{{- $given := index . 0 -}}
{{- range $key, $default := index . 1 -}}
{{- $value := index $given $key -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := set $given $key $default -}}
{{- else if and (kindIs "map" $default) (kindIs "map" $value) -}}
{{- include "modelrun.fill" (list $value $default) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* The variable with the headers for the collector of traces; empty if there are none. */ -}}
{{- define "modelrun.tracing.env" -}}
{{- with .Values.tracing -}}
{{- if and .otlpEndpoint .headersSecret -}}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ .headersSecret }}
      key: headers
{{- end -}}
{{- end -}}
{{- end -}}

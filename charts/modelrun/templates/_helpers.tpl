{{- define "modelrun.selector" -}}
app.kubernetes.io/name: modelrun
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modelrun.labels" -}}
{{ include "modelrun.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "modelrun.gateway.selector" -}}
app.kubernetes.io/name: modelrun
app.kubernetes.io/component: gateway
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "modelrun.gateway.labels" -}}
{{ include "modelrun.gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
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
{{- printf "%s/%s:%s" (trimSuffix "/" $registry) $name ($values.image.tag | default (index . 0).Chart.AppVersion) -}}
{{- end -}}
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

{{- /* The labels of every object and pod. */ -}}
{{- define "netattach.labels" -}}
app.kubernetes.io/name: netattach
app.kubernetes.io/part-of: netattach
app.kubernetes.io/version: {{ .Chart.AppVersion }}
{{- end -}}

{{- /* The reference of the image of all programs. A digest, if given, takes the place of the tag. */ -}}
{{- define "netattach.image" -}}
{{- $image := .Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

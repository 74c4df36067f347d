"""`netattach lint`: validate networks and pods in files, as the admission webhooks would.

command             the arguments, and the run over all files
file_search         the files that an argument means
manifests           NADs, pods and pod templates in a file, and where each part of them is
nad_objects         mistakes that the API server refuses before it calls a webhook
manifest_validator  findings, each with its location in the file
scalar_offsets      offsets in a value of YAML or JSON, mapped to its file
annotation_offsets  offsets of the network selections in an annotation
report              what the output formats have in common: text_report, json_report, sarif_report
"""

"""`netattach lint`: validate networks and pods in files, as the admission webhooks would.

command             the arguments, and the exit status
options             the options in force: the command line before .netattach.yaml (project_file, severities)
linter              the run over all files
batches             networks validated in several processes where there are many (forked_call)
formats             the output formats by name: text_report, json_report, sarif_report, junit_report, github_report
report, places      what the output formats have in common
network_validator   findings in networks, each with its location in the file
pod_validator       findings in pods, held against the networks of the same files
ignores             which comments silence which findings (ignore_comments)
manifests           networks and pods in a file, and where each part of them is
network_objects     NADs, and objects of which operators make NADs: openshift_networks, sriov_networks (rendered_config)
pod_objects         pods, and objects that create some: templates, virtual_machines
nad_objects         mistakes that the API server refuses before it calls a webhook
rules               all rules, and those that no webhook has
namespace_policies  the policy of namespaces, by settings and labels from files, or from the cluster
file_search         the files that an argument means
scalar_offsets      offsets in a value of YAML or JSON, mapped to its file
object_values       parts of an object of any shape
"""

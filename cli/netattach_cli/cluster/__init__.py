"""Reading the API server with the user's own rights, and nothing but reading.

reader          several kinds of objects at a time, and what could not be read
api_client      GET requests to the API server
kubectl_proxy   the connection: kubectl has the user's kubeconfig, credentials and proxies
errors          why something cannot be read
"""

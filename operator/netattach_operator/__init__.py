"""The operator: keeps the CRDs and certificates, and writes the status of each NAD. One leader at a time."""

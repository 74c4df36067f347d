"""The operator: owns the CRDs and certificates, and writes on each NAD whether it is valid. One leader at a time."""

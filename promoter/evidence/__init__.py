"""What gates look at beyond registries and Git: Argo CD, Flux, Prometheus, signatures, scans.

No room yet: the gates of today (`soak`, `approvals`) read Git and the forge.
"""

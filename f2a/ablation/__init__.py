"""``f2a ablate``: reruns the paper's component analysis, which shows what each part contributes."""

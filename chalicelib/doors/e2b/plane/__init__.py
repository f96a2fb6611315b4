"""The data plane: from a client to the guest of its sandbox and back."""

"""Labels from and to other tools: files of their formats, and Label Studio."""

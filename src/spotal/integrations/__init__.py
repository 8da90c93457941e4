"""Other libraries' shapes: spotal's strategies inside scikit-activeml and modAL. Nothing in spotal imports this."""

"""mass"""

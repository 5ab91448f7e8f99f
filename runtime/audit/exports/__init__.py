"""Exports of a ledger to forms that other systems read; the tests validate each against its own specification."""

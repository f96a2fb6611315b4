.PHONY: package rehearse

package: $(VENV)/.dev ## make what CloudFormation deploys: build/package
	@$(BIN)/python scripts/package.py
	@$(BIN)/cfn-lint build/package/sam.json

rehearse: $(VENV)/.dev ## deploy build/package to an AWS emulator on this machine, and run the tests that need one
	@$(BIN)/pytest -m rehearsal tests/e2e

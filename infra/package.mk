.PHONY: package rehearse

package: $(VENV)/.dev ## make what CloudFormation deploys: build/package
	@$(BIN)/python scripts/package.py
	@$(BIN)/cfn-lint build/package/sam.json

rehearse: package ## deploy build/package to an AWS emulator on this machine and send it a message
	@$(BIN)/python scripts/rehearse_deploy.py
